/** Runs a program apart from the machine: bubblewrap gives it namespaces of its own, no network, and one folder. */
import { lstat, readdir, readlink } from 'node:fs/promises'
import { delimiter, isAbsolute, join } from 'node:path'
import { isDenied } from '../workspace/denied.ts'
import {
  certificateVariables,
  defaultLimits,
  findProgram,
  runChild,
  standardPath,
  type ChildProgram,
} from '@clawmesh/chassis/exec'

/** Where a workspace stands inside. */
export const insidePath = '/workspace'

export type WorkspaceAccess = 'none' | 'ro' | 'rw'

export interface Sandbox {
  /** The same program, started inside. */
  wrap: (program: ChildProgram, folder: SandboxFolder) => Promise<ChildProgram>
}

export interface SandboxFolder {
  /** Absolute, real path of the folder that is seen inside. */
  path: string
  access: WorkspaceAccess
  network: boolean
  /** Of each temporary folder. */
  temporaryBytes: number
  /** More of the machine. */
  shows?: readonly Shown[] | undefined
}

/** A file or folder of the machine, and where it stands inside. */
export interface Shown {
  /** Absolute, real path. */
  from: string
  at: string
  access: 'ro' | 'rw'
  /** Whether it may be absent. */
  isOptional?: true
}

export type FoundSandbox = { sandbox: Sandbox } | { sandbox?: undefined; missing: string }

/** Of the machine, read-only: programs and what they need to run. The rest of it does not exist inside. */
const shown = ['/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32', '/opt']
const shownConfiguration = [
  'alternatives',
  'ca-certificates',
  'ld.so.cache',
  'ld.so.conf',
  'ld.so.conf.d',
  'localtime',
  'mime.types',
  'nsswitch.conf',
  'pki',
  'protocols',
  'services',
  'ssl',
]

const allShown = [...shown, ...shownConfiguration.map((name) => `/etc/${name}`)]

/** Whether what stands at an absolute path is there inside by itself. */
export const isShown = (path: string): boolean =>
  allShown.some((folder) => path === folder || path.startsWith(`${folder}/`))

const forNetwork = ['resolv.conf', 'hosts', 'gai.conf']

/**
 * What who has the network knows of certificates: where a proxy signs with its own, nothing could be fetched without them.
 * Variables name files, folders, or several between colons.
 */
const networkCertificates = (): { variables: Record<string, string>; shows: Shown[] } => {
  const variables = certificateVariables()
  const places = Object.values(variables).flatMap((value) => value.split(delimiter))
  return {
    variables,
    shows: [...new Set(places)]
      .filter((path) => isAbsolute(path) && !isShown(path))
      .map((path) => ({ from: path, at: path, access: 'ro', isOptional: true })),
  }
}

const machine = async (): Promise<string[]> => {
  const folders = await Promise.all(
    shown.map(async (path) => {
      const found = await lstat(path).catch(() => undefined)
      if (found === undefined) return []
      return found.isSymbolicLink() ? ['--symlink', await readlink(path), path] : ['--ro-bind', path, path]
    }),
  )
  return [...folders.flat(), ...shownConfiguration.flatMap((name) => ['--ro-bind-try', `/etc/${name}`, `/etc/${name}`])]
}

/** What stands in a workspace and is the system's own: something empty stands in its place. */
const masks = async (path: string): Promise<string[]> => {
  const entries = await readdir(path, { withFileTypes: true })
  return entries
    .filter(({ name }) => isDenied([name], 'read'))
    .flatMap((entry) => {
      const inside = join(insidePath, entry.name)
      return entry.isDirectory() ? ['--tmpfs', inside] : ['--ro-bind', '/dev/null', inside]
    })
}

/** Where the system's root may set the machine's kernel: it may be he who runs us. */
const kernel = ['sys', 'sysrq-trigger', 'irq', 'bus', 'mtrr', 'pressure', 'acpi'].map((name) => `/proc/${name}`)

const isolation = [
  ...['--uid', '1000', '--gid', '1000'],
  '--unshare-all',
  '--die-with-parent',
  '--new-session',
  '--cap-drop',
  'ALL',
  '--hostname',
  'sandbox',
  '--clearenv',
]

/** Inside it counts what runs in the sandbox alone. dash and bash call it by different letters; root is not bound by it. */
const bounded =
  'ulimit -u "$0" 2>/dev/null || ulimit -p "$0" 2>/dev/null; ulimit -c 0; ulimit -f "$1"; shift; exec "$@"'
/** In which the shell counts the size of files. */
const blockBytes = 512
const fileBlocks = (bytes: number): string =>
  Number.isFinite(bytes) ? String(Math.ceil(bytes / blockBytes)) : 'unlimited'

const createSandbox = (bwrap: string, more: readonly string[]): Sandbox => ({
  wrap: async (program, { path, access, network, temporaryBytes, shows = [] }) => {
    const temporary = ['/tmp', '/var/tmp', '/run', '/dev/shm'].flatMap((folder) => [
      '--size',
      String(temporaryBytes),
      '--tmpfs',
      folder,
    ])
    const workspace =
      access === 'none'
        ? ['--size', String(temporaryBytes), '--tmpfs', insidePath]
        : [access === 'ro' ? '--ro-bind' : '--bind', path, insidePath, ...(await masks(path))]
    const cwd = access === 'none' ? insidePath : join(insidePath, program.cwd.slice(path.length))
    const certificates = network ? networkCertificates() : { variables: {}, shows: [] }
    const env = {
      ...{ PATH: standardPath, LANG: 'C.UTF-8', HOME: '/tmp', TMPDIR: '/tmp', USER: 'agent' },
      ...certificates.variables,
      ...program.env,
    }
    const args = [
      ...isolation,
      ...more,
      ...(network
        ? ['--share-net', ...forNetwork.flatMap((name) => ['--ro-bind-try', `/etc/${name}`, `/etc/${name}`])]
        : []),
      ...(await machine()),
      ...['--proc', '/proc', ...kernel.flatMap((path) => ['--ro-bind-try', path, path]), '--dev', '/dev'],
      ...temporary,
      ...workspace,
      ...[...certificates.shows, ...shows].flatMap(({ from, at, access: kind, isOptional }) => [
        `--${kind === 'ro' ? 'ro-' : ''}bind${isOptional ? '-try' : ''}`,
        from,
        at,
      ]),
      ...['--remount-ro', '/', '--chdir', cwd],
      ...['--args', '3'],
      '--',
      ...[
        '/bin/sh',
        '-c',
        bounded,
        String(program.limits?.processes ?? defaultLimits.processes),
        fileBlocks(program.limits?.writtenBytes ?? defaultLimits.writtenBytes),
        program.command,
        ...program.args,
      ],
    ]
    if (Object.values(env).some((value) => value.includes('\0'))) throw new Error('a variable holds a NUL character')
    const given = Object.entries(env).map(([name, value]) => `--setenv\0${name}\0${value}\0`)
    return { ...program, command: bwrap, args, cwd: '/', env: undefined, given: given.join(''), isContained: true }
  },
})

/** Whether this machine has a sandbox that really starts, or what is missing. */
export const findSandbox = async (): Promise<FoundSandbox> => {
  const bwrap = await findProgram('bwrap').catch(() => undefined)
  if (bwrap === undefined) return { missing: 'bubblewrap (bwrap) is not installed' }
  // Older ones do not know how to keep what runs inside from making namespaces of its own.
  for (const more of [['--unshare-user', '--disable-userns'], ['--unshare-user']]) {
    const sandbox = createSandbox(bwrap, more)
    const folder: SandboxFolder = { path: '/', access: 'none', network: false, temporaryBytes: 1_048_576 }
    const program = await sandbox.wrap(
      { command: '/bin/sh', args: ['-c', 'exit 0'], cwd: '/', limits: { timeoutMs: 5_000 } },
      folder,
    )
    const { exitCode } = await runChild(program).catch(() => ({ exitCode: undefined }))
    if (exitCode === 0) return { sandbox }
  }
  return { missing: 'bubblewrap is installed, and this machine does not let it make namespaces' }
}
