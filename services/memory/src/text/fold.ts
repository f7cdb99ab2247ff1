/** Texts without what people leave out when they type: case, accents, and the width of letters. */

/** Letters that no decomposition takes apart. */
const ligatures: Readonly<Record<string, string>> = {
  đ: 'd',
  ð: 'd',
  ø: 'o',
  ł: 'l',
  ħ: 'h',
  ı: 'i',
  ß: 'ss',
  æ: 'ae',
  œ: 'oe',
  þ: 'th',
}
const ligature = /[đðøłħıßæœþ]/g
/** Accents of European and Vietnamese letters; marks that other scripts cannot be read without are no part of it. */
const accents = /[\u0300-\u036f]/g

/** Most texts have nothing to compose or to take off, and looking for it is most of the work. */
export const isAscii = (text: string): boolean => !/[\u0080-\uffff]/.test(text)

/** Lower case, composed, full-width letters narrowed: two spellings of one text become equal. */
export const normalise = (text: string): string =>
  isAscii(text) ? text.toLowerCase() : text.normalize('NFKC').toLowerCase()

/** `normalise`, and accents taken off: `Đà Nẵng` -> `da nang`. Hangul, kana and Han stay as they are. */
export const fold = (text: string): string =>
  isAscii(text)
    ? text.toLowerCase()
    : text
        .normalize('NFKD')
        .replace(accents, '')
        .normalize('NFC')
        .toLowerCase()
        .replace(ligature, (letter) => ligatures[letter]!)
