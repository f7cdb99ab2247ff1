/** Every migration is one that the release before lives with. */
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { migrationFolder } from '../../cli/src/migration-folders.ts'
import { servicesWithDatabase } from '../../cli/src/targets.ts'
import { breaksPreviousRelease, statementsOf, type Schema } from './migration-statements.ts'

/** Migrations that were applied before this was asked of them; an applied file is never edited. */
const accepted: Readonly<Record<string, string>> = {
  'agents/0012_sessions_without_key': 'the code of the release before deletes sessions itself (ADR 26)',
  'memory/0005_terms': 'vectors of the built-in embedder are made anew by whichever release',
  'traces/0003_partition_owner': 'takes rights on functions that it makes',
}

const faultsOf = (sql: string, uniqueIndexes: string[] = []): string[] =>
  breaksPreviousRelease(sql, { uniqueIndexes: new Set(uniqueIndexes) })

test.each([...servicesWithDatabase])('the release before lives with each migration of %s', (service) => {
  const folder = migrationFolder(service)
  const names = readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? [entry.name] : [],
  )
  const schema: Schema = { uniqueIndexes: new Set() }
  const found = names.toSorted().map((name, at) => {
    const faults = breaksPreviousRelease(readFileSync(join(folder, name, 'migration.sql'), 'utf8'), schema)
    // Nothing was there before the first one.
    return [`${service}/${name}`, at === 0 || Object.hasOwn(accepted, `${service}/${name}`) ? [] : faults]
  })
  expect(found.filter(([, faults]) => faults!.length > 0)).toEqual([])
})

test.each([
  'DROP TABLE a.t',
  'ALTER TABLE a.t DROP COLUMN x',
  'ALTER TABLE a.t RENAME COLUMN x TO y',
  'ALTER TABLE a.t RENAME TO u',
  'ALTER TABLE a.t ALTER COLUMN x TYPE text',
  'ALTER TABLE a.t ALTER COLUMN x SET NOT NULL',
  'ALTER TABLE a.t ALTER COLUMN x DROP DEFAULT',
  'ALTER TABLE a.t ADD COLUMN x text NOT NULL',
  'ALTER TABLE a.t ADD COLUMN x text, ADD COLUMN y integer NOT NULL',
  'ALTER TABLE a.t ADD COLUMN x integer GENERATED ALWAYS AS IDENTITY',
  `ALTER TABLE a.t ADD CONSTRAINT c CHECK (x <> 'a, b')`,
  'ALTER TABLE a.t ADD UNIQUE (x)',
  'CREATE UNIQUE INDEX i ON a.t (x)',
  'CREATE OR REPLACE FUNCTION a.f() RETURNS void LANGUAGE sql AS $$ SELECT 1; $$',
  'UPDATE a.t SET x = NULL',
  'DELETE FROM a.t',
  'TRUNCATE a.t',
  'REVOKE SELECT ON a.t FROM clawmesh_app',
  'CREATE TABLE a.u (x text); DROP TABLE a.t',
  `-- DROP TABLE a.u;\nINSERT INTO a.u VALUES ('--'); DROP TABLE a.t`,
])('%s is refused', (sql) => {
  expect(faultsOf(sql)).toHaveLength(1)
})

test('a unique index that was there before stays, another one may go', () => {
  expect(faultsOf('DROP INDEX a.i', ['i'])).toHaveLength(1)
  expect(faultsOf('DROP INDEX a.i')).toEqual([])
})

test.each([
  `CREATE TABLE a.u (x text NOT NULL); CREATE UNIQUE INDEX i ON a.u (x); ALTER TABLE a.u ADD CHECK (x <> '')`,
  `ALTER TABLE a.t ADD COLUMN x text, ADD COLUMN y numeric(10, 2) NOT NULL DEFAULT 0`,
  `ALTER TABLE a.t ALTER COLUMN x SET DEFAULT 'DROP TABLE a.t; '`,
  'CREATE FUNCTION a.f() RETURNS void LANGUAGE sql AS $body$ DROP TABLE a.t; $body$',
  'CREATE INDEX i ON a.t (x) WHERE y',
])('%s is taken', (sql) => {
  expect(faultsOf(sql)).toEqual([])
})

test('a contraction is taken when it says why the release before lives with it', () => {
  const drop = 'ALTER TABLE a.t DROP COLUMN x;'
  expect(faultsOf(`-- The release before lives with this: nothing has read x since 0.3.0.\n${drop}`)).toEqual([])
  expect(faultsOf(`-- The release before lives with this: \n${drop}`)).toHaveLength(1)
})

test('statements are told apart by their semicolons alone', () => {
  expect(statementsOf(`SELECT ';' /* ; */; -- ;\nSELECT $$ ; $$;`)).toEqual([`SELECT ''`, `SELECT ''`])
})
