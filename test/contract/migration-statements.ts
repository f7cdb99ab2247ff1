/**
 * Which statements of a migration the release before could not live with. Its pods go on while the new ones come up, and a
 * rollback brings it back over the newer schema: a migration adds what that release does not notice (it expands), and what
 * nothing uses any more goes in a later one (it contracts), which says so. What is not known to be harmless is refused.
 */

/** A line of a migration's own that takes the responsibility: why the release before lives with the file. */
const acceptance = /^-- The release before lives with this: \S.*$/m

/** What a service's migrations have made so far. */
export interface Schema {
  /** Unique indexes by name: who writes with `ON CONFLICT` needs them. */
  uniqueIndexes: Set<string>
}

const pieces = /--[^\n]*|\/\*[^]*?\*\/|'(?:[^']|'')*'|\$(\w*)\$[^]*?\$\1\$|[^]/g

/** The statements of a text, without comments, texts of literals and bodies of functions. */
export const statementsOf = (sql: string): string[] => {
  const statements = ['']
  for (const [piece] of sql.matchAll(pieces)) {
    if (piece === ';') statements.push('')
    else if (piece.startsWith('--') || piece.startsWith('/*')) statements[statements.length - 1] += ' '
    else statements[statements.length - 1] += piece.length > 1 ? `''` : piece
  }
  return statements.map((statement) => statement.replace(/\s+/g, ' ').trim()).filter((statement) => statement !== '')
}

/** The parts of a list between the commas that stand in no brackets. */
const listed = (text: string): string[] => {
  const parts = ['']
  let depth = 0
  for (const character of text) {
    if (character === '(') depth++
    if (character === ')') depth--
    if (character === ',' && depth === 0) parts.push('')
    else parts[parts.length - 1] += character
  }
  return parts.map((part) => part.trim())
}

/** Why a change of a table that was there before may break what the release before does with it. */
const faultOfChange = (change: string): string | undefined => {
  if (/^ALTER (COLUMN )?\w+ SET DEFAULT /i.test(change)) return undefined
  if (!/^ADD (COLUMN )?(IF NOT EXISTS )?(?!CONSTRAINT|CHECK|UNIQUE|PRIMARY|FOREIGN|EXCLUDE)\w+ /i.test(change))
    return 'changes what the table holds or allows'
  const filled = /\bDEFAULT\b/i.test(change)
  if (/\bNOT NULL\b/i.test(change) && !filled) return 'adds a column that has to be written'
  if (/\b(UNIQUE|PRIMARY KEY|GENERATED)\b/i.test(change)) return 'adds a column that not every row can have'
  return undefined
}

const harmless = [
  /^CREATE (SCHEMA|EXTENSION|SEQUENCE|TYPE|DOMAIN) /i,
  /^CREATE (FUNCTION|VIEW) /i,
  /^(COMMENT ON|GRANT) /i,
  /^INSERT INTO /i,
]

/** Names that statements make, and the first word of each list of changes. */
const table = /^CREATE (?:UNLOGGED )?TABLE (?:IF NOT EXISTS )?(\S+)/i
const index = /^CREATE (UNIQUE )?INDEX (?:CONCURRENTLY )?(?:IF NOT EXISTS )?(\S+) ON (?:ONLY )?([^\s(]+)/i
const droppedIndex = /^DROP INDEX (?:IF EXISTS )?(?:\w+\.)?(\w+)$/i
const alteredTable = /^ALTER TABLE (?:IF EXISTS )?(?:ONLY )?(\S+) (.*)$/i

/** Why a statement of a migration breaks the release before; `made` are the tables of the migration itself. */
const faultOf = (statement: string, schema: Schema, made: Set<string>): string | undefined => {
  const [, newTable] = table.exec(statement) ?? []
  if (newTable !== undefined) {
    made.add(newTable)
    return undefined
  }
  const [, unique, name, of] = index.exec(statement) ?? []
  if (name !== undefined) {
    if (unique !== undefined) schema.uniqueIndexes.add(name)
    return unique === undefined || made.has(of!) ? undefined : 'forbids rows that were allowed'
  }
  const [, dropped] = droppedIndex.exec(statement) ?? []
  if (dropped !== undefined)
    return schema.uniqueIndexes.has(dropped) ? 'takes away what ON CONFLICT may stand on' : undefined
  const [, altered, changes] = alteredTable.exec(statement) ?? []
  if (altered !== undefined)
    return made.has(altered)
      ? undefined
      : listed(changes!)
          .map(faultOfChange)
          .find((fault) => fault !== undefined)
  return harmless.some((pattern) => pattern.test(statement)) ? undefined : 'is not known to be harmless'
}

/**
 * What of a migration the release before could not live with, a line each; nothing when the migration says why it can.
 *
 * @param schema what the service's earlier migrations made; this one is added to it
 */
export const breaksPreviousRelease = (sql: string, schema: Schema): string[] => {
  const made = new Set<string>()
  const faults = statementsOf(sql).flatMap((statement) => {
    const fault = faultOf(statement, schema, made)
    return fault === undefined ? [] : [`${statement.slice(0, 100)}: ${fault}`]
  })
  return acceptance.test(sql) ? [] : faults
}
