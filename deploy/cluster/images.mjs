/** Images of `npm run images` on the nodes, and the one that holds a pod's network. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { capture } from '../../scripts/process.mjs'
import { fromRoot } from '../../scripts/root.mjs'
import { usualImages } from '../images/images.mjs'
import { findEngine, saveImage } from '../images/engine.mjs'
import { ctr, pauseImage } from './nodes.mjs'
import { program } from './programs.mjs'
import { nodes, place } from './settings.mjs'

/** @param {string} command @param {string[]} args */
const must = async (command, args, env = process.env) => {
  const { code, stdout, stderr } = await capture(command, args, env)
  if (code !== 0)
    throw new Error(`${command} ${args.slice(0, 3).join(' ')} failed:\n${(stderr || stdout).slice(-2_000)}`)
}

/** Waits for a signal: all that a pod's first process has to do. */
const pauseSource = `package main

import (
	"os"
	"os/signal"
	"syscall"
)

func main() {
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM, syscall.SIGINT)
	<-end
}
`

const makePauseImage = async () => {
  const archive = place('pause.tar')
  if (existsSync(archive)) return archive
  const folder = place('pause')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'main.go'), pauseSource)
  await must(program('go'), ['build', '-o', join(folder, 'pause'), join(folder, 'main.go')], {
    ...process.env,
    CGO_ENABLED: '0',
  })
  writeFileSync(join(folder, 'Containerfile'), 'FROM scratch\nCOPY pause /pause\nENTRYPOINT ["/pause"]\n')
  const engine = await findEngine()
  await must(engine, ['build', '--quiet', '--tag', pauseImage, '--file', join(folder, 'Containerfile'), folder])
  await saveImage(engine, pauseImage, archive)
  return archive
}

/** Loads the pause image and the project's own, from a folder of archives, else built for it. @param {string | undefined} given */
export const loadImages = async (given) => {
  const folder = given ?? place('built')
  if (given === undefined) {
    console.log('building images')
    await must(process.execPath, [fromRoot('deploy/images/build.mjs'), '--no-check', '--save', folder])
  }
  const archives = [await makePauseImage(), ...usualImages.map((name) => join(folder, `${name}.tar`))]
  for (const node of nodes)
    for (const archive of archives) {
      const { code, stderr } = await ctr(node, 'images', 'import', archive)
      if (code !== 0) throw new Error(`${archive} cannot be loaded: ${stderr.slice(-500)}`)
    }
  // What an upgrade goes to: the same program under another tag.
  const { version } = JSON.parse(readFileSync(fromRoot('package.json'), 'utf8'))
  for (const node of nodes)
    for (const name of ['clawmesh', 'clawmesh-runtime'])
      await ctr(node, 'images', 'tag', '--force', `localhost/${name}:${version}`, `localhost/${name}:next`)
}
