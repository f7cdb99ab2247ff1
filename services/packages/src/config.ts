import { defineConfig, folder, integer, text, type ConfigOf } from '@clawmesh/chassis'

export const packagesConfig = defineConfig('packages', {
  runtimeDir: {
    env: ['CLAWMESH_RUNTIME_DIR', 'RUNTIME_DIR'],
    schema: folder(''),
    about: 'Folder that keeps what was installed at run time; default .runtime in the data folder',
  },
  helperSocket: {
    env: ['CLAWMESH_PKG_HELPER_SOCKET'],
    schema: text('/tmp/pkg.sock'),
    about: 'Unix socket of the privileged package helper',
  },
  searchPath: {
    env: ['CLAWMESH_PACKAGES_PATH', 'PATH'],
    // PATH is set everywhere, so the file could never be heard.
    file: false,
    schema: text('/usr/local/bin:/usr/bin:/bin'),
    about: 'Folders between colons in which runtimes and package managers are looked for',
  },
  versionTimeoutMs: {
    env: ['CLAWMESH_PACKAGES_VERSION_TIMEOUT_MS'],
    schema: integer(3_000, 1),
    about: 'How long a runtime may take to tell its version',
  },
  listTimeoutMs: {
    env: ['CLAWMESH_PACKAGES_LIST_TIMEOUT_MS'],
    schema: integer(15_000, 1),
    about: 'How long a package manager may take to list its packages',
  },
  keepMs: {
    env: ['CLAWMESH_PACKAGES_KEEP_MS'],
    schema: integer(15_000),
    about: 'How long an answer about the machine is used before the machine is asked again',
  },
})

export type PackagesConfig = ConfigOf<typeof packagesConfig>
