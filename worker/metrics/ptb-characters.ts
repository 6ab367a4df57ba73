/**
 * The characters the Stanford tokenizer 3.4.1 tells apart, as members of character classes. It was
 * built with the letters of Unicode 6.0 and works on UTF-16 units. The ranges were read off its
 * behaviour on every unit.
 */

/** The members of a class from code units and ranges of them, in hexadecimal. */
function units(list: string): string {
  return list
    .trim()
    .replaceAll(/\s+/g, "")
    .replaceAll(/[0-9A-F]{4}/g, String.raw`\u$&`);
}

/** Letters and digits added to Unicode after 6.0: the tokenizer knows none of them. */
const LATER_CHARACTERS = new RegExp(
  `[${units(`
    037F 0528-052F 0560 0588 05EF 0860-086A 0870-0887 0889-088F 08A1 08AD-08C9 0978 0980 09FC
    0AF9 0C34 0C5A 0C5C 0C5D 0C80 0CDC 0CDD 0D04 0D54-0D56 0D5F 0DE6-0DEF 0E86 0E89 0E8C
    0E8E-0E93 0E98 0EA0 0EA8 0EA9 0EAC 13F5 13F8-13FD 16F1-16F8 170D 171F 1878 191D 191E
    19B0-19C0 19C8 19C9 1B4C 1C80-1C8A 1C90-1CBA 1CBD-1CBF 1CF2 1CF3 1CFA 2C2F 2C5F 312E 312F
    31BB-31BF 4DB6-4DBF 9FCD-9FFF A698-A69D A78F A794-A79F A7AB-A7DC A7F1-A7F7 A8FD A8FE
    A9E0-A9E4 A9E6-A9FE AA7E AA7F AB30-AB5A AB5C-AB69 AB70-ABBF
  `)}]`,
);

/** A noncharacter, which belongs only to classes that say what they leave out. */
const UNASSIGNED = "\uFFFE";

/** The UTF-16 unit whose classes the tokenizer gives to this one. */
export function knownCharacter(character: string): string {
  return LATER_CHARACTERS.test(character) ? UNASSIGNED : character;
}

/** Letters; two Mongolian ones became marks later. */
export const letters = String.raw`\p{L}\u1885\u1886`;

/** Decimal digits of all scripts. */
export const digits = String.raw`\p{Nd}`;

/** Upper-case letters, the Roman numerals and circled letters among them. */
export const capitals = String.raw`\p{Uppercase}`;

/** Marks and signs that stand in words like letters; the soft hyphen is one. */
export const wordMarks = units(`
  00AD 02C2-02C5 02D2-02DF 02E5-02EB 02ED 02EF-036F 0375 0378 0379 0384 0385 03F6 0483-0487
  055A-055F 0591-05BD 05BF 05C1 05C2 05C4 05C5 05C7 0615-061A 064B-065E 0670 06D6-06E4 06E7-06ED
  06FD 06FE 070F 0711 0730-074C 07A6-07B0 07EB-07F3 07FA 0900-0903 093C 093E-094E 0951-0955 0962
  0963 0981-0983 09BC 09BE-09C4 09C7 09C8 09CB-09CD 09D7 09E2 09E3 0A01-0A03 0A3C 0A3E-0A4F
  0A81-0A83 0ABC 0ABE-0ACF 0B82 0BBE-0BC2 0BC6-0BC8 0BCA-0BCD 0C01-0C03 0C3E-0C56 0D3E-0D44
  0D46-0D48 0E31 0E34-0E3A 0E47-0E4E 0EB1 0EB4-0EBC 0EC8-0ECD
`);

/** Signs that are tokens of their own. What no rule and no such list names is deleted. */
export const loneSigns = String.raw`\.+%&~^\|\\=/${units(`
  00A1 00A6-00A9 00AC 00AE-00BA 00BF 00D7 00F7 037E 0387 0589 05BE 05C0 05C3 05C6 05F3 05F4
  0600-0603 0606-060A 060C 0614 061B 061E 061F 066A 066D 06D4 0700-070D 07F6-07F8 0964 0965 0E4F
  1FBD 2016 2017 2020-2023 2030-2038 203B 203E-2042 2044 207A-207F 208A-208E 2100-214F 2190-2BFF
  3002 3012 30FB FF01-FF0F FF1A-FF20 FF3B-FF40 FF5B-FF65
`)}`;

/** Blanks within a line. */
export const blanks = String.raw` \t\u00A0\u2000-\u200A\u3000`;

/** The ends of lines. */
export const lineEnds = String.raw`\n\r\u2028\u2029\u000B\u000C\u0085`;

/** Straight and closing single quotes. */
export const closingSingleQuotes = String.raw`'\u0092\u2019`;

/** Single quotes of all shapes that occur as apostrophes. */
export const singleQuotes = String.raw`${closingSingleQuotes}\u0091\u2018\u201B\u0060`;

/** Quotation marks, single or double, that are not straight. */
export const shapedQuotes = String.raw`\u0060\u2018-\u201F\u0091-\u0094\u2039\u203A\u00AB\u00BB`;

/** Hyphens and the low line. */
export const hyphens = String.raw`\-_\u058A\u2010\u2011`;

/** Signs of currencies other than the dollar. */
export const currencies = units(`
  0080 00A2-00A5 060B 0E3F 20A0 20A4 20AC FFE0 FFE1 FFE5 FFE6
`);
