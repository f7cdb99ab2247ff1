/** Processes that the benchmark starts besides the mesh: the upstream and the peer. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { setTimeout as sleep } from 'node:timers/promises'
import { reservePort } from '../support/mesh-ports.ts'

const peerVersion = '1.15.2'
const peerDir = fileURLToPath(new URL('../../.cache/peer', import.meta.url))
const peerShim = new URL('./peer-shim.mjs', import.meta.url).href
const peerMain = `${peerDir}/node_modules/@portkey-ai/gateway/build/start-server.js`

export interface Child {
  origin: string
  pid: number
  stop: () => void
}

const started = (child: ChildProcess, port: number): Child => {
  const stop = () => void child.kill('SIGKILL')
  // A benchmark that is cut off leaves nothing that would slow the next one down.
  process.once('exit', stop)
  return { origin: `http://127.0.0.1:${port}`, pid: child.pid!, stop }
}

export const startUpstream = async (): Promise<Child> => {
  const child = spawn(process.execPath, [fileURLToPath(new URL('./upstream.ts', import.meta.url))], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  return started(child, Number(line.toString().trim()))
}

/** The peer to measure against: Portkey's gateway, a stateless proxy. Installed outside the workspace, without scripts. */
export const startPeer = async (): Promise<Child> => {
  if (!existsSync(peerMain)) {
    mkdirSync(peerDir, { recursive: true })
    const args = [
      'install',
      '--ignore-scripts',
      '--no-audit',
      '--no-fund',
      '--prefix',
      peerDir,
      `@portkey-ai/gateway@${peerVersion}`,
    ]
    const { status, stderr } = spawnSync('npm', args, { encoding: 'utf8' })
    if (status !== 0) throw new Error(`installing the peer failed\n${stderr}`)
  }
  const port = await reservePort()
  const child = spawn(process.execPath, ['--import', peerShim, peerMain, `--port=${port}`, '--headless'], {
    stdio: 'ignore',
  })
  for (let tries = 0; tries < 100; tries++) {
    await sleep(100)
    if ((await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined)) !== undefined) return started(child, port)
  }
  throw new Error('the peer did not start')
}
