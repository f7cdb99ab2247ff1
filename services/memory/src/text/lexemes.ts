/** Terms as PostgreSQL reads them in a tsvector or a tsquery. */

export const lexeme = (term: string): string => `'${term.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`

/** A tsvector literal; the same terms in any order give the same one. */
export const toTsvector = (terms: readonly string[]): string => terms.map(lexeme).join(' ')
