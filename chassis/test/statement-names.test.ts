import { createStatementNames } from '../src/db/statement-names.ts'

const times = (count: number, name: () => string | undefined) => Array.from({ length: count }, name)

describe('names of statements', () => {
  it('are given to what comes again and again, one a text', () => {
    const nameOf = createStatementNames('agents.tenant')
    expect(times(4, () => nameOf('SELECT 1'))).toEqual([undefined, undefined, undefined, undefined])
    expect(times(2, () => nameOf('SELECT 1'))).toEqual(['agents.tenant.0', 'agents.tenant.0'])
    expect(times(5, () => nameOf('SELECT 2')).at(-1)).toBe('agents.tenant.1')
  })

  it('are not given to texts without end, however often each comes, nor to huge ones', () => {
    const nameOf = createStatementNames('x')
    const named = Array.from({ length: 1_000 }, (_, at) => times(6, () => nameOf(`SELECT ${at}`)).at(-1))
    expect(named.filter((name) => name !== undefined)).toHaveLength(200)
    expect(nameOf('SELECT 0')).toBe('x.0')
    const other = createStatementNames('y')
    expect(times(6, () => other('a'.repeat(10_000))).at(-1)).toBeUndefined()
  })
})
