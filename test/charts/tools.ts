/**
 * Helm and kubeconform for the chart's tests: those on PATH or where Go installs programs, else built by Go where
 * `CLAWMESH_TEST_BUILD_TOOLS=1` asks for it. Helm takes minutes of two cores to be built, more than all tests may take together.
 */
import { execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

export const root = fileURLToPath(new URL('../..', import.meta.url))
const kept = process.env.GOBIN ?? join(process.env.GOPATH ?? join(homedir(), 'go'), 'bin')

const modules = {
  helm: 'helm.sh/helm/v3/cmd/helm@v3.22.0',
  kubeconform: 'github.com/yannh/kubeconform/cmd/kubeconform@v0.8.0',
} as const
export type Tool = keyof typeof modules

const find = (name: string): string | undefined =>
  [...(process.env.PATH ?? '').split(delimiter), kept]
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path))

/** Whether the tools are here, or are to be built. */
export const hasTools = (): boolean =>
  (process.env['CLAWMESH_TEST_BUILD_TOOLS'] === '1' && find('go') !== undefined) ||
  (Object.keys(modules) as Tool[]).every((tool) => find(tool) !== undefined)

/** The path of a tool; the first call on a machine may take minutes. @throws Error of Go when it cannot be built */
export const ensureTool = async (tool: Tool): Promise<string> => {
  const found = find(tool)
  if (found !== undefined) return found
  process.stderr.write(`Building ${tool} with Go for the tests of the chart\n`)
  await promisify(execFile)('go', ['install', modules[tool]], {
    env: { ...process.env, GOBIN: kept, GOFLAGS: '-buildvcs=false', CGO_ENABLED: '0' },
  })
  return join(kept, tool)
}

export interface Ended {
  code: number | null
  stdout: string
  stderr: string
}

/** Runs a program with a text as its standard input. */
export const runTool = (command: string, args: readonly string[], input = ''): Promise<Ended> =>
  new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root })
    const texts = { stdout: '', stderr: '' }
    for (const name of ['stdout', 'stderr'] as const)
      child[name].on('data', (chunk) => void (texts[name] += String(chunk)))
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, ...texts }))
    child.stdin.on('error', () => {})
    child.stdin.end(input)
  })
