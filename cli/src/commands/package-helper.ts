/** `clawmesh package-helper`: installs packages of the system for the packages service, until SIGTERM. */
import { createLogger } from '@clawmesh/chassis'
import { runtimeFolder, startPackageHelper } from '@clawmesh/packages/helper'
import { openConfiguration, readLayers } from '../configuration.ts'
import { openDataDir } from '../data-dir.ts'
import { SetupError } from '../host.ts'

/**
 * @param group number of the group that the services run as
 * @throws SetupError when it is not root, or cannot have its folder or socket
 */
export const runPackageHelper = async (env: NodeJS.ProcessEnv, group: number): Promise<void> => {
  if (process.getuid?.() !== 0) throw new SetupError('the package helper installs for the whole system: run it as root')
  const { chassis, packages } = openConfiguration(readLayers(env)).configs
  const helper = await startPackageHelper({
    socket: packages.helperSocket,
    group,
    runtimeDir: runtimeFolder(packages.runtimeDir, openDataDir(chassis.dataDir)),
    searchPath: packages.searchPath,
    log: createLogger({ level: 'info', name: 'package-helper' }),
  }).catch((thrown: unknown) => {
    throw new SetupError(thrown instanceof Error ? thrown.message : String(thrown))
  })
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, resolve)
  })
  await helper.stop()
}
