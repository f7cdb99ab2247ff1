/** The gRPC contracts: well formed, and compatible with what was released (`proto/released.binpb`, made by `buf build`). */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const buf = (args: string[], cwd = root) => {
  const program = join(root, 'node_modules/@bufbuild/buf/bin/buf')
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], { cwd, encoding: 'utf8' })
  return { status, text: stdout + stderr }
}
const clean = { status: 0, text: '' }
const released = join(root, 'proto/released.binpb')

test('buf lint finds nothing', () => {
  expect(buf(['lint'])).toEqual(clean)
})

test('nothing breaks those who were built against the released contracts', () => {
  expect(buf(['breaking', '--against', released])).toEqual(clean)
})

test('the descriptors that reflection serves are those of the sources', () => {
  const folder = mkdtempSync(join(tmpdir(), 'clawmesh-proto-'))
  try {
    const built = join(folder, 'built.binpb')
    expect(buf(['build', '-o', built])).toEqual(clean)
    expect(readFileSync(built).equals(readFileSync(join(root, 'contracts/src/gen/descriptors.binpb')))).toBe(true)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test.each([
  ['a field that is gone', /^ {2}string agent_id = 1;\n/m, ''],
  ['another type', /^ {2}double cost_usd = 1;/m, '  string cost_usd = 1;'],
  ['another number', /^ {2}double cost_usd = 1;/m, '  double cost_usd = 2;'],
  ['a method that is gone', /^ {2}rpc GetAgentMonthCost.*\n/m, ''],
])('%s is noticed', (_what, pattern, replacement) => {
  const folder = mkdtempSync(join(tmpdir(), 'clawmesh-proto-'))
  try {
    for (const name of ['buf.yaml', 'proto']) cpSync(join(root, name), join(folder, name), { recursive: true })
    const file = join(folder, 'proto/clawmesh/traces/v1/traces.proto')
    const source = readFileSync(file, 'utf8')
    writeFileSync(file, source.replace(pattern, replacement))
    expect(readFileSync(file, 'utf8')).not.toBe(source)
    const { status, text } = buf(['breaking', '--against', released], folder)
    expect([status, text]).toEqual([100, expect.stringContaining('traces.proto')])
  } finally {
    rmSync(folder, { recursive: true })
  }
})
