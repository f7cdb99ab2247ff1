import { readFileSync } from 'node:fs'
import { auditActionNames } from '@clawmesh/contracts'

it('docs/operations/audit.md lists every action that is recorded, and no others', () => {
  const page = readFileSync(new URL('../../docs/operations/audit.md', import.meta.url), 'utf8')
  const listed = /The actions:\n\n```\n([^`]*)```/.exec(page)?.[1]?.trim().split(/\s+/) ?? []
  expect(listed.sort()).toEqual(auditActionNames.toSorted())
})
