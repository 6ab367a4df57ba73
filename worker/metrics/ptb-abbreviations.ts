/** Abbreviations the Stanford tokenizer 3.4.1 knows, as patterns without the full stop. */

function oneOf(words: string): string {
  return `(${words.trim().split(/\s+/).join("|")})`;
}

/**
 * Those that often end a sentence: months, days, states, companies and the like. Where a state is
 * also a common word its first letter must be a capital.
 */
export const oftenFinal = oneOf(String.raw`
  Jan Feb Mar Apr Jun Jul Aug Sept? Oct Nov Dec
  Mon Tues? Wed Thu(rs)? Fri
  Ala Ariz [A]z [A]rk Calif Colo Conn Ct Dak [D]el Fla Ga [I]ll Ind Kans? Ky [L]a [M]ass Md Mich
  Minn [M]iss Mo Mont Neb Nev Okla [O]re [P]a Penn Tenn [T]ex Va Vt [W]ash Wisc? Wyo
  Inc Cos? Corp Pp?t[ye]s? Ltd Plc Rt Bancorp Bhd Assn Univ Intl Sys
  tel est ext sq
  Jr Sr Bros (Ed|Ph)\.D Blvd Rd Esq
  etc al seq Bldg
`);

/** Letters with full stops between them, or a single letter. */
export const acronym = String.raw`([A-Za-z](\.[A-Za-z])*|${compoundAcronym()})`;

/** Acronyms of two letters or more. */
export const longAcronym = String.raw`([A-Za-z](\.[A-Za-z])+|${compoundAcronym()})`;

function compoundAcronym(): string {
  const before = oneOf("Canada Sino Korean EU Japan non");
  return String.raw`${before}-U\.S|U\.S\.-(U\.K|U\.S\.S\.R)`;
}

/** Those that stand before a name or number, not at the end of a sentence: titles and the like. */
export const neverFinal = `(${acronym}|${oneOf(String.raw`
  Mrs? Ms [M]iss Drs? Profs? Sens? Reps? Attys? Lt Col Gen Messrs Govs? Adm Rev Maj Sgt Cpl Pvt Capt
  Ste? Ave Pres Lieut Hon Brig Co?mdr Pfc Spc Supts? Det Mt Ft Adj Adv Asst Assoc Ens Insp Mlle Mme
  Msgr Sfc
  vs Alex Wm Jos Cie a\.k\.a cf TREAS Ph
  Invt Elec Natl M[ft]g Dept
`)})`;

/** Those that are abbreviations only before a number. */
export const beforeNumbers = oneOf("ca figs? prop nos? art bldg pp op");

/**
 * Words that begin a sentence: an acronym before one of them ends the sentence before. Their first
 * letters are capitals.
 */
export const sentenceOpeners = oneOf(String.raw`
  [A]bout [A]ccording [A]dditionally [A]fter [A]n [A] [A]s [A]t [B]ut [E]arlier [H]e [H]er [H]ere
  [H]owever [I]f [I]n [I]t [L]ast [M]any [M]ore [M]r\. [M]s\. [N]ow [O]nce [O]ne [O]ther [O]ur [S]he
  [S]ince [S]o [S]ome [S]uch [T]hat [T]he [T]heir [T]hen [T]here [T]hese [T]hey [T]his [W]e [W]hen
  [W]hile [W]hat [Y]et [Y]ou
`);

/** What marks a word with full stops in it as the name of a file. */
export const fileExtensions = oneOf(`
  bat bmp c class cgi cpp dll docx? exe gif gz h html? jar java jpe?g mov mp3 pdf php pl png ppt ps
  py sql tar txt wav x xml zip
`);
