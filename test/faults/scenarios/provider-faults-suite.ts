/** The faults of providers as tests. All cases run at once: most of their time is spent waiting for somebody silent. */
import { providerFaults, startFaultWorld, type FaultLimits, type Mode } from './provider-faults.ts'

const nameOf = ({ wire, stream }: Mode): string => `${wire}, ${stream ? 'streamed' : 'whole'}`

/** One line a fault, one column a mode. */
const tableOf = (passed: ReadonlySet<string>, modes: readonly Mode[]): string =>
  [['', ...modes.map(nameOf)], ...Object.keys(providerFaults).map((name) => [name, ...modes.map(markOf(passed, name))])]
    .map(([name, ...marks]) => name!.padEnd(32) + marks.map((mark) => mark.padEnd(22)).join(''))
    .join('\n')
const markOf = (passed: ReadonlySet<string>, name: string) => (mode: Mode) =>
  passed.has(`${name} (${nameOf(mode)})`) ? 'pass' : 'FAIL'

interface Form {
  limits: FaultLimits
  modes: readonly Mode[]
  prints?: boolean
}

/** Gives what looks at the outcome of one case from within a test. */
export const providerFaultTests = ({ limits, modes, prints = false }: Form) => {
  const names = Object.keys(providerFaults)
  const cases = names.flatMap((name) => modes.map((mode) => ({ name, mode, title: `${name} (${nameOf(mode)})` })))
  const passed = new Set<string>()
  const outcomes = new Map<string, Promise<string[]>>()
  let stop = async (): Promise<void> => undefined

  beforeAll(async () => {
    const world = await startFaultWorld(limits)
    stop = world.stop
    for (const { name, mode, title } of cases) {
      const outcome = world.run(name, mode)
      outcome.catch(() => undefined)
      outcomes.set(title, outcome)
    }
  }, 300_000)

  afterAll(async () => {
    await stop()
    if (prints) console.error(tableOf(passed, modes))
  })

  it.each(cases)(
    '$title',
    async ({ title }) => {
      expect(await outcomes.get(title)).toEqual([])
      passed.add(title)
    },
    300_000,
  )

  return async (name: keyof typeof providerFaults, mode: Mode): Promise<void> => {
    expect(await outcomes.get(`${name} (${nameOf(mode)})`)).toEqual([])
  }
}
