/**
 * A hard bound on how many processes a child may have, by a control group. It is for children of root, to whom no other
 * bound of the kernel applies; for others the sandbox sets RLIMIT_NPROC.
 */
import { randomUUID } from 'node:crypto'
import { mkdir, readFile, rmdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

export interface ProcessBound {
  /** The file to which a process writes its id to be bound, and all that it starts. */
  enter: string
  remove: () => Promise<void>
}

/** The folders of control groups in which ours may be made: version 2, or the controller of version 1. */
const parents = async (): Promise<string[]> => {
  const lines = (await readFile('/proc/self/cgroup', 'utf8').catch(() => '')).trim().split('\n')
  return lines.flatMap((line) => {
    const [, controllers = '', path = ''] = line.split(':', 3)
    if (controllers.split(',').includes('pids')) return [join('/sys/fs/cgroup/pids', path)]
    return controllers === '' ? [join('/sys/fs/cgroup', path), '/sys/fs/cgroup'] : []
  })
}

const tries = 20
const pauseMs = 50

const makeIn = async (parent: string, processes: number): Promise<ProcessBound> => {
  const folder = join(parent, `clawmesh-${randomUUID()}`)
  await mkdir(folder)
  const remove = async (): Promise<void> => {
    // Those that were killed take a moment to be gone.
    for (let at = 0; at < tries; at++) {
      if (
        await rmdir(folder).then(
          () => true,
          () => false,
        )
      )
        return
      await new Promise((resolve) => setTimeout(resolve, pauseMs))
    }
  }
  try {
    await writeFile(join(folder, 'pids.max'), String(processes), { flag: 'r+' })
    return { enter: join(folder, 'cgroup.procs'), remove }
  } catch (thrown) {
    await remove()
    throw thrown
  }
}

/** Undefined where this process may make no control groups. */
export const boundProcesses = async (processes: number): Promise<ProcessBound | undefined> => {
  if (process.getuid?.() !== 0) return undefined
  for (const parent of await parents()) {
    const bound = await makeIn(parent, processes).catch(() => undefined)
    if (bound) return bound
  }
  return undefined
}
