/** Looks at what children use, all of them in one look at the machine's processes, as long as there are any. */
import { allProcesses, treeUse, type TreeUse } from './process-tree.ts'

const watchMs = 100

const watched = new Map<number, (use: TreeUse) => void>()
let timer: NodeJS.Timeout | undefined
let looking = false

const look = async (): Promise<void> => {
  if (looking) return
  looking = true
  try {
    const processes = allProcesses()
    await Promise.all(
      [...watched].map(async ([pid, tell]) => {
        const use = await treeUse(pid, processes)
        // It may have ended meanwhile, and its number may be another's.
        if (watched.get(pid) === tell) tell(use)
      }),
    )
  } finally {
    looking = false
  }
}

/** Tells what a child's tree uses, ten times a second. @returns ends that */
export const watchTree = (pid: number, tell: (use: TreeUse) => void): (() => void) => {
  watched.set(pid, tell)
  timer ??= setInterval(() => void look(), watchMs)
  return () => {
    if (watched.get(pid) === tell) watched.delete(pid)
    if (watched.size > 0) return
    clearInterval(timer)
    timer = undefined
  }
}
