/** Installs what pnpm-lock.yaml names, once for every state of that file. */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { capture } from './process.mjs'
import { fromRoot } from './root.mjs'

const stampFile = fromRoot('node_modules/.clawmesh-stamp')

/** Makes node_modules match the lockfile. Throws with pnpm's own words when that fails. */
export async function installDependencies() {
  const wanted = createHash('sha256')
    .update(readFileSync(fromRoot('pnpm-lock.yaml')))
    .digest('hex')
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === wanted) return

  const { packageManager } = JSON.parse(readFileSync(fromRoot('package.json'), 'utf8'))
  console.error(`clawmesh: installing dependencies with ${packageManager}`)
  // CI=true: pnpm otherwise asks before it replaces a folder, and nobody is there to answer.
  const { code, stdout, stderr } = await capture(
    'npx',
    ['-y', packageManager, 'install', '--frozen-lockfile', '--prefer-offline'],
    { ...process.env, CI: 'true' },
  )
  if (code !== 0) throw new Error(`${packageManager} install failed\n${stdout}${stderr}`)
  writeFileSync(stampFile, wanted)
}
