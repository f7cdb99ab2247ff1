import { integer, text, type Setting } from '@clawmesh/chassis'

export const runtimeSettings = {
  helperSocket: {
    env: ['CLAWMESH_PKG_HELPER_SOCKET'],
    schema: text('/tmp/pkg.sock'),
    about: 'Unix socket of the privileged package helper',
  },
  versionTimeoutMs: {
    env: ['CLAWMESH_PACKAGES_VERSION_TIMEOUT_MS'],
    schema: integer(3_000, 1),
    about: 'How long a runtime may take to tell its version',
  },
} as const satisfies Record<string, Setting>
