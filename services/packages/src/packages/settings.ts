import { folder, integer, type Setting } from '@clawmesh/chassis'

export const packageSettings = {
  runtimeDir: {
    env: ['CLAWMESH_RUNTIME_DIR', 'RUNTIME_DIR'],
    schema: folder(''),
    about: 'Folder that keeps what was installed at run time; default .runtime in the data folder',
  },
  listTimeoutMs: {
    env: ['CLAWMESH_PACKAGES_LIST_TIMEOUT_MS'],
    schema: integer(15_000, 1),
    about: 'How long a package manager may take to list its packages',
  },
} as const satisfies Record<string, Setting>
