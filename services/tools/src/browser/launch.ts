/** Starts a Chromium for one tenant: under the limits of every child, apart from the machine, and with one way out. */
import { mkdir, mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { startChild, type Child, type ChildBreach, type ChildProgram } from '@clawmesh/chassis/exec'
import type { ConnectionTransport } from 'puppeteer-core'
import { isShown, type Sandbox, type Shown } from '../exec/sandbox.ts'
import { createGuardingProxy, type GuardingProxy, type ProxyRules } from './proxy.ts'
import { createPipeTransport } from './transport.ts'

export interface LaunchedBrowser {
  transport: ConnectionTransport
  /** Address of the proxy, as the browser knows it. */
  proxyServer: string
  proxy: GuardingProxy
  /** Fulfilled with why it ended, once nothing of it is left. */
  ended: Promise<string>
  kill: () => Promise<void>
}

interface LaunchParts {
  program: string
  sandbox: Sandbox | undefined
  rules: ProxyRules
  memoryBytes: number
}

const MiB = 1024 * 1024
/** Threads count, and a browser has many of them. */
const mostProcesses = 1_500
/** Of each temporary folder inside, its profile and its shared memory among them. */
const temporaryBytes = 512 * MiB
/** Of the scripts of one page. */
const heapMb = 512
/** Inside, where nothing else listens. */
const insidePort = 3_128
const insideSocket = '/run/clawmesh-proxy'

/**
 * What keeps a browser from talking past its proxy, or to anybody of its own accord. `<-loopback>` takes loopback out of
 * what goes around a proxy.
 */
const argumentsFor = (proxyServer: string, profile: string, hasOwnSandbox: boolean): string[] => [
  '--headless',
  '--remote-debugging-pipe',
  '--no-startup-window',
  `--user-data-dir=${profile}`,
  `--proxy-server=${proxyServer}`,
  '--proxy-bypass-list=<-loopback>',
  '--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1',
  '--force-webrtc-ip-handling-policy=disable_non_proxied_udp',
  '--webrtc-ip-handling-policy=disable_non_proxied_udp',
  '--disable-quic',
  '--disable-background-networking',
  '--disable-breakpad',
  '--disable-client-side-phishing-detection',
  '--disable-component-extensions-with-background-pages',
  '--disable-component-update',
  '--disable-default-apps',
  '--disable-dev-shm-usage',
  '--disable-domain-reliability',
  '--disable-extensions',
  '--disable-gpu',
  '--disable-print-preview',
  '--disable-remote-fonts-preload',
  '--disable-search-engine-choice-screen',
  '--disable-sync',
  '--disable-features=AutofillServerCommunication,DialMediaRouteProvider,InterestFeedContentSuggestions,MediaRouter,OptimizationHints,Translate',
  '--metrics-recording-only',
  '--mute-audio',
  '--hide-scrollbars',
  '--no-default-browser-check',
  '--no-first-run',
  '--no-pings',
  '--no-service-autorun',
  '--password-store=basic',
  '--use-mock-keychain',
  `--js-flags=--max-old-space-size=${heapMb}`,
  ...(hasOwnSandbox ? [] : ['--no-sandbox']),
]

/** Its standard input and output are the pipe of the protocol; it gives way to everything else on the machine. */
const piped = 'exec nice -n 10 "$@" 3<&0 4>&1 1>&2 </dev/null'

/** From the port inside to the socket of the proxy: a network namespace of its own has no other way out. */
const relay = `
const { createServer, connect } = require('node:net')
const { pipeline } = require('node:stream')
createServer((inner) => {
  const outer = connect('${insideSocket}')
  pipeline(inner, outer, () => undefined)
  pipeline(outer, inner, () => undefined)
}).listen(${insidePort}, '127.0.0.1')
`
const relayed = `node=$1; relay=$2; shift 2; "$node" -e "$relay" </dev/null >/dev/null 2>&1 & ${piped}`

const breaches: Partial<Record<ChildBreach, string>> = {
  memoryBytes: 'it took more memory than it may',
  processes: 'it started more processes than it may',
  writtenBytes: 'it wrote more to disk than it may',
}

/** The folder of a program, where the sandbox would not show it by itself. */
const folderOf = (program: string): Shown[] => {
  const folder = dirname(program)
  return isShown(folder) ? [] : [{ from: folder, at: folder, access: 'ro' }]
}

/** @throws a system error when it cannot be started */
export const launchBrowser = async ({
  program: named,
  sandbox,
  rules,
  memoryBytes,
}: LaunchParts): Promise<LaunchedBrowser> => {
  const program = await realpath(named)
  // Only we may enter it: it holds the socket, or the profile.
  const folder = await mkdtemp(join(await realpath(tmpdir()), 'clawmesh-browser-'))
  const proxy = createGuardingProxy(rules)
  let child: Child
  let proxyServer: string
  const limits = {
    memoryBytes,
    processes: mostProcesses,
    writtenBytes: 1024 * MiB,
    outputBytes: Number.POSITIVE_INFINITY,
    timeoutMs: 0,
  }
  try {
    if (sandbox) {
      const socket = join(folder, 'proxy')
      await proxy.listen({ path: socket })
      proxyServer = `http://127.0.0.1:${insidePort}`
      const { execPath } = process
      const browser: ChildProgram = {
        command: '/bin/sh',
        args: [
          '-c',
          relayed,
          'sh',
          await realpath(execPath),
          relay,
          program,
          ...argumentsFor(proxyServer, '/tmp/profile', false),
        ],
        cwd: '/',
        limits,
      }
      const shows: Shown[] = [
        { from: socket, at: insideSocket, access: 'rw' },
        ...folderOf(await realpath(execPath)),
        ...folderOf(program),
        ...['fonts', 'chromium', 'chromium.d'].map((name): Shown => ({
          from: `/etc/${name}`,
          at: `/etc/${name}`,
          access: 'ro',
          isOptional: true,
        })),
      ]
      const inside = { path: '/', access: 'none', network: false, temporaryBytes, shows } as const
      child = await startChild(await sandbox.wrap(browser, inside))
    } else {
      const port = await proxy.listen({ host: '127.0.0.1', port: 0 })
      proxyServer = `http://127.0.0.1:${port}`
      const profile = join(folder, 'profile')
      await mkdir(profile, { mode: 0o700 })
      const isRoot = process.getuid?.() === 0
      child = await startChild({
        command: '/bin/sh',
        args: ['-c', piped, 'sh', program, ...argumentsFor(proxyServer, profile, !isRoot)],
        cwd: folder,
        // Nothing of it is to stand in the home of whoever runs us.
        env: { HOME: folder, TMPDIR: folder, XDG_CONFIG_HOME: folder, XDG_CACHE_HOME: folder },
        limits,
      })
    }
  } catch (thrown) {
    await proxy.close()
    await rm(folder, { recursive: true, force: true })
    throw thrown
  }
  child.stderr.resume()
  let tooMuch = false
  const transport = createPipeTransport(child.stdin, child.stdout, () => {
    tooMuch = true
    void child.kill()
  })
  return {
    transport,
    proxyServer,
    proxy,
    ended: child.ended.then(async ({ breach }) => {
      await proxy.close()
      await rm(folder, { recursive: true, force: true, maxRetries: 3 })
      if (tooMuch) return 'it said more than is read'
      return (breach && breaches[breach]) ?? 'its program is gone'
    }),
    kill: async () => void (await child.kill()),
  }
}
