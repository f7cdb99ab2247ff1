import { integer, text, type Setting } from '@clawmesh/chassis'

export const machineSettings = {
  searchPath: {
    env: ['CLAWMESH_PACKAGES_PATH', 'PATH'],
    // PATH is set everywhere, so the file would never have a say.
    file: false,
    schema: text('/usr/local/bin:/usr/bin:/bin'),
    about: 'Folders between colons in which runtimes and package managers are looked for',
  },
  keepMs: {
    env: ['CLAWMESH_PACKAGES_KEEP_MS'],
    schema: integer(15_000),
    about: 'How long an answer about the machine is used before the machine is asked again',
  },
} as const satisfies Record<string, Setting>
