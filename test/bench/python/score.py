"""Scores captions as the VizWiz and COCO evaluations do: score.py REFERENCES PREDICTIONS"""

import json
import os
import sys

from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.rouge.rouge import Rouge
from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

out = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)

with open(sys.argv[1]) as file:
    annotations = json.load(file)["annotations"]
with open(sys.argv[2]) as file:
    predictions = {one["image_id"]: [one] for one in json.load(file)}
references = {}
for one in annotations:
    references.setdefault(one["image_id"], []).append(one)
references = PTBTokenizer().tokenize(references)
predictions = PTBTokenizer().tokenize(predictions)
bleu, _ = Bleu(4).compute_score(references, predictions, verbose=0)
cider, _ = Cider().compute_score(references, predictions)
rouge, _ = Rouge().compute_score(references, predictions)
scores = {"cider": cider, "bleu4": bleu[3], "rouge_l": rouge}
out.write(json.dumps({name: float(value) for name, value in scores.items()}))
out.flush()
