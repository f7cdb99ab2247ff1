/** Programs in the background, with a log and a file of their process id each, until they are ended by name. */
import { spawn } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { place } from './settings.mjs'

const endLimitMs = 15_000
const pollMs = 200
const pidFile = (/** @type {string} */ name) => place('run', `${name}.pid`)

/** The process of that name while it runs; ids are used again, so the program must be the one that was started. */
const runningPid = (/** @type {string} */ name) => {
  if (!existsSync(pidFile(name))) return undefined
  const [pid = '', program = ''] = readFileSync(pidFile(name), 'utf8').split(' ')
  try {
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')[0] ?? ''
    return basename(command) === program ? Number(pid) : undefined
  } catch {
    return undefined
  }
}

/** Whether the program of that name runs. */
export const runs = (/** @type {string} */ name) => runningPid(name) !== undefined

/**
 * Starts a program unless it runs already.
 *
 * @param {string} name
 * @param {string} program path
 * @param {string[]} args
 */
export const begin = (name, program, args) => {
  if (runningPid(name) !== undefined) return
  mkdirSync(place('run'), { recursive: true })
  const log = openSync(place('run', `${name}.log`), 'w')
  const child = spawn(program, args, { cwd: place(), detached: true, stdio: ['ignore', log, log] })
  closeSync(log)
  child.unref()
  child.once('error', (error) => console.error(`cluster: ${name}: ${error.message}`))
  writeFileSync(pidFile(name), `${child.pid} ${basename(program)}`)
}

/** Asks a program to end, and insists after a while. */
export const end = async (/** @type {string} */ name) => {
  const pid = runningPid(name)
  if (pid !== undefined) {
    process.kill(pid, 'SIGTERM')
    const deadline = performance.now() + endLimitMs
    while (runningPid(name) !== undefined && performance.now() < deadline) await sleep(pollMs)
    if (runningPid(name) !== undefined) process.kill(pid, 'SIGKILL')
  }
  rmSync(pidFile(name), { force: true })
}

/**
 * @param {string} what
 * @param {() => Promise<boolean>} holds
 * @param {number} limitMs
 * @throws Error when it does not hold in time
 */
export const until = async (what, holds, limitMs = 180_000) => {
  const deadline = performance.now() + limitMs
  while (!(await holds())) {
    if (performance.now() > deadline)
      throw new Error(`${what}: not within ${limitMs / 1_000} s; logs are in ${place('run')}`)
    await sleep(pollMs)
  }
}
