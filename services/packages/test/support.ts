/** Machines made of scripts: a folder of programs to be looked for, and the service over it. */
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadConfigs } from '@clawmesh/chassis'
import { packagesConfig, packagesService, type PackagesConfig } from '../src/index.ts'
import { startServices, type ServiceHarness } from '../../../test/support/service-harness.ts'

/** A folder that is gone when the test is over. */
export const temporaryFolder = async (): Promise<AsyncDisposable & { path: string }> => {
  const path = await mkdtemp(join(tmpdir(), 'clawmesh-packages-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

/** Puts programs into a folder, each a shell script. Nothing else is on their PATH. */
export const install = async (folder: string, scripts: Record<string, string>): Promise<void> => {
  for (const [name, script] of Object.entries(scripts)) {
    await writeFile(join(folder, name), `#!/bin/sh\n${script}\n`)
    await chmod(join(folder, name), 0o755)
  }
}

/** What stops answering: the shell and the child it waits for. */
export const hang = '/bin/sleep 600'

export const startPackages = (settings: Partial<PackagesConfig> = {}): Promise<ServiceHarness> => {
  const { packages } = loadConfigs({ packages: packagesConfig }, process.env)
  const config: PackagesConfig = { ...packages, keepMs: 0, ...settings }
  return startServices({ services: { packages: (mesh) => packagesService(mesh, config) } })
}
