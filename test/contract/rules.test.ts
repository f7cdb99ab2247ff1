/** Every sentence of behaviour that a table declares is pinned by a test somewhere, and every pin names a rule. */
import { globSync, readFileSync } from 'node:fs'
import { ruleSentences } from '@clawmesh/contracts'

const root = new URL('../..', import.meta.url).pathname
const pins = globSync('{chassis,cli,contracts,gateway,services/*,test}/test/**/*.test.ts', { cwd: root })
  .concat(globSync('test/{contract,e2e}/**/*.test.ts', { cwd: root }))
  .flatMap((file) => [...readFileSync(`${root}${file}`, 'utf8').matchAll(/\brule(?:Name)?\(\s*'([^']+)'/g)])
  .map(([, id]) => id!)
const pinned = new Set(pins)

/** The operation or method of a rule; names of methods have dots in them. */
const operationOf = (id: string): string => id.slice(0, id.lastIndexOf('.'))

it('has a test for every rule', () => {
  expect([...ruleSentences.keys()].filter((id) => !pinned.has(id))).toEqual([])
})

it('has a rule for every test that names one', () => {
  expect([...pinned].filter((id) => !ruleSentences.has(id))).toEqual([])
})

it('words every rule as a sentence of its own', () => {
  const sentences = [...ruleSentences]
  expect(sentences.filter(([, sentence]) => !/^[A-Z`"'].*[^.\s]$/s.test(sentence))).toEqual([])
  const twice = sentences.filter(([id, sentence]) =>
    sentences.some(([other, same]) => other !== id && same === sentence && operationOf(other) === operationOf(id)),
  )
  expect(twice).toEqual([])
})
