/** The images, as data. What each holds beside the base is put together by build.mjs. */

/** User and group that everything runs as; the chart's. */
export const user = 10_001

/** The release of Debian that bases are made of. */
export const suite = 'trixie'

/**
 * @typedef {object} Image
 * @property {string} title
 * @property {'extract' | 'minbase'} variant of mmdebstrap: `extract` unpacks these packages and what they need, and nothing
 *   else: no shell, no package manager
 * @property {string[]} packages of Debian
 * @property {boolean} [program] holds Node and the program
 * @property {boolean} [embedded] with the embedded database
 * @property {boolean} [packageHelper] with the entry that starts the package helper (docs/adr/0066)
 * @property {string[]} targets that run from it
 * @property {string[]} entrypoint
 * @property {string[]} volumes folders that a volume may be mounted on
 * @property {number} [maxMb] unpacked
 * @property {boolean} [optional] built only where it is asked for
 * @property {Trial} [trial]
 *
 * @typedef {object} Trial a program of the image, started as any of its programs is
 * @property {string} program
 * @property {string[]} args
 * @property {string} says a part of what it is to say
 */

/** Of the program. */
const dataFolder = '/var/lib/clawmesh'

/** With what agents run programs. */
const runtimePackages = [
  'bash',
  'bubblewrap',
  'ca-certificates',
  'curl',
  'git',
  'libstdc++6',
  'python3',
  'python3-pip',
  'python3-venv',
  'tini',
]

/** @type {Record<string, Image>} */
export const images = {
  clawmesh: {
    title: 'Clawmesh, every service but those that run programs',
    variant: 'extract',
    packages: ['base-files', 'libc6', 'libgcc-s1', 'libstdc++6', 'tini'],
    program: true,
    targets: ['gateway', 'identity', 'agents', 'providers', 'memory', 'channels', 'traces'],
    entrypoint: ['tini', '--', 'node', '/app/dist/main.mjs'],
    volumes: [dataFolder],
    maxMb: 200,
  },
  'clawmesh-runtime': {
    title: 'Clawmesh with what agents run programs with',
    variant: 'minbase',
    packages: runtimePackages,
    program: true,
    embedded: true,
    packageHelper: true,
    targets: ['tools', 'packages', 'all'],
    entrypoint: ['tini', '--', 'node', '/app/dist/main.mjs'],
    volumes: [dataFolder],
  },
  'clawmesh-browser': {
    title: 'Clawmesh with what agents run programs with, and a browser for them',
    variant: 'minbase',
    packages: [...runtimePackages, 'chromium', 'fonts-liberation'],
    program: true,
    embedded: true,
    optional: true,
    targets: ['tools', 'all'],
    entrypoint: ['tini', '--', 'node', '/app/dist/main.mjs'],
    volumes: [dataFolder],
    trial: {
      program: 'chromium',
      // Its own sandbox wants namespaces, which no container has that may gain nothing.
      args: [
        ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--user-data-dir=/tmp/profile'],
        ...['--dump-dom', 'data:text/html,<script>document.write(6*7)</script>'],
      ],
      says: '42</body>',
    },
  },
  'clawmesh-dependencies': {
    title: 'PostgreSQL with pgvector, NATS and Redis, for trying Clawmesh, and the backup scripts',
    variant: 'minbase',
    packages: ['nats-server', 'postgresql-17', 'postgresql-17-pgvector', 'redis-server', 'tini'],
    targets: [],
    entrypoint: ['tini', '--', 'clawmesh-dependencies'],
    volumes: ['/var/lib/postgresql/data', '/data'],
  },
}

/** Those that are built where none is named. */
export const usualImages = Object.keys(images).filter((name) => images[name].optional !== true)
