/** The program that builds images and writes archives of them. */
import { rmSync } from 'node:fs'
import { capture } from '../../scripts/process.mjs'

/** Which programs can, and what they answer when they work. */
const engines = { docker: ['docker', 'version'], podman: ['podman', '--version'], buildah: ['buildah', '--version'] }

/** Whether a command ends well. @param {string[]} command */
export const works = async ([program = '', ...args]) => (await capture(program, args)).code === 0

/** @returns {Promise<string>} the first one that is here @throws Error when none is */
export const findEngine = async () => {
  for (const [name, question] of Object.entries(engines)) if (await works(question)) return name
  throw new Error('docker, podman or buildah is needed to build images')
}

/** Writes an image to an archive that every engine loads. @param {string} engine @param {string} reference @param {string} archive */
export const saveImage = async (engine, reference, archive) => {
  rmSync(archive, { force: true })
  const args =
    engine === 'buildah'
      ? ['push', '--quiet', reference, `docker-archive:${archive}:${reference}`]
      : ['save', '--output', archive, reference]
  const { code, stderr } = await capture(engine, args)
  if (code !== 0) throw new Error(`${engine} cannot save ${reference}: ${stderr.slice(-500)}`)
}
