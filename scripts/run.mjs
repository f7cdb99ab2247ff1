/**
 * The target of every root npm script: `node scripts/run.mjs <task> [arguments]`.
 *
 * Runs on any Node from 18 and needs nothing installed. It sees to a Node that can run the sources, to the dependencies
 * and to the Prisma clients, then becomes the task. All it says itself goes to stderr: stdout belongs to the task.
 */
import { chdir } from 'node:process'
import { becomeProgram, endAs, runChild } from './process.mjs'
import { isNewEnough, findNode, pathWithNode } from './node.mjs'
import { runsBelowNpm, whenParentIsGone } from './parent.mjs'
import { installDependencies } from './dependencies.mjs'
import { generatePrismaClients } from './prisma-clients.mjs'
import { superviseAs } from './supervise.mjs'
import { findTask, taskNames } from './tasks.mjs'
import { fromRoot, root } from './root.mjs'

const followParent = ['--import', fromRoot('scripts/follow-parent.mjs')]

/**
 * @param {string} name
 * @param {string[]} extraArguments
 */
async function run(name, extraArguments) {
  const task = findTask(name)
  if (!task) {
    console.error(`Unknown task "${name}". Tasks: ${taskNames.join(', ')}`)
    process.exit(64)
  }
  if (!isNewEnough(process.version)) {
    const node = await findNode()
    process.env.PATH = pathWithNode(node)
    await standInFor(node, [...followParent, fromRoot('scripts/run.mjs'), name, ...extraArguments])
  }
  process.env.PATH = pathWithNode(process.execPath)
  await installDependencies()
  if (task.needsPrismaClients !== false) await generatePrismaClients({ force: task.regeneratesPrismaClients ?? false })

  const steps = task.steps(extraArguments)
  for (const step of steps.slice(0, -1)) {
    const code = await runChild(process.execPath, [...process.execArgv, ...step.command])
    if (code !== 0) process.exit(code)
  }
  const last = steps.at(-1)
  if (!last) return
  const hasStandIn = process.execArgv.includes(followParent[1])
  const runsForGood = runsBelowNpm && (task.runsForGood?.(extraArguments) ?? false)
  const run = runsForGood ? superviseAs : endAs
  if (runsBelowNpm && !hasStandIn) await standInFor(process.execPath, [...followParent, ...last.command], run)
  else if (runsForGood) await superviseAs(process.execPath, [...process.execArgv, ...last.command], { detached: true })
  else await becomeProgram(process.execPath, [...process.execArgv, ...last.command])
}

/**
 * Runs the program in a session of its own and is to the caller as if it were that program. A signal to our whole group
 * (Ctrl-C, a supervisor, npm on top of either) would otherwise reach it several times.
 *
 * Below npm it is there anyway, so it also starts again what is to run for good; whoever runs programs without npm has a
 * supervisor of their own.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {typeof endAs} [run]
 */
async function standInFor(command, args, run = endAs) {
  if (runsBelowNpm) whenParentIsGone(() => process.emit('SIGTERM', 'SIGTERM'))
  await run(command, args, { detached: true })
}

// `npm test -- x` arrives as `test x`, `node scripts/run.mjs test -- x` with the dashes still in it.
const [name = '', ...rest] = process.argv.slice(2)
chdir(root)
try {
  await run(name, rest[0] === '--' ? rest.slice(1) : rest)
} catch (error) {
  console.error(`clawmesh: ${error instanceof Error ? error.message : String(error)}`)
  process.exit(1)
}
