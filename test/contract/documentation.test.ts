/** The pages of the repository: what they link to and name is there, and the changelog can be released. */
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const pages = [
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'CHANGELOG.md',
  'charts/clawmesh/README.md',
  'deploy/compose/README.md',
  ...globSync('docs/**/*.md', { cwd: root }),
]
const read = (page: string): string => readFileSync(join(root, page), 'utf8')

const slugOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\w\s-]/g, '')
    .replaceAll(' ', '-')
const anchorsOf = (page: string): string[] => {
  const text = read(page)
  const headings = [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading]) => slugOf(heading!))
  return [...headings, ...[...text.matchAll(/<a id="([^"]*)">/g)].map(([, id]) => id!)]
}

const isThere = (path: string, anchor?: string): boolean =>
  existsSync(join(root, path)) && (anchor === undefined || anchorsOf(path).includes(anchor))

it.each(pages)('%s links to pages and headings that are there', (page) => {
  const links = [...read(page).matchAll(/\]\(([^)#\s]*)(?:#([^)\s]*))?\)/g)]
    .map(([, target = '', anchor]) => ({ target, anchor }))
    .filter(({ target }) => !/^https?:/.test(target))
  const broken = links.filter(
    ({ target, anchor }) => !isThere(target === '' ? page : join(dirname(page), target), anchor),
  )
  expect(broken).toEqual([])
})

it('alerts name runbooks that are there', () => {
  const named = [...read('charts/clawmesh/observability/alerts.yaml').matchAll(/runbook: ([^#\s]+)(?:#(\S+))?/g)]
  expect(named.length).toBeGreaterThan(5)
  expect(named.filter(([, path, anchor]) => !isThere(path!, anchor)).map(([line]) => line)).toEqual([])
})

/** Decisions speak of what was there when they were made. */
const current = pages.filter((page) => !/^docs\/adr\/\d/.test(page))
const sources = /^(?:contracts|chassis|gateway|services|cli|test|scripts|proto|docs)\/[\w./*-]*$/

it.each(current)('%s names files that are there', (page) => {
  const named = [...read(page).matchAll(/`([^`\n]+)`/g)].map(([, code]) => code!).filter((code) => sources.test(code))
  expect(named.filter((path) => globSync(path, { cwd: root }).length === 0)).toEqual([])
})

interface Changelog {
  releaseChangelog: (text: string, release: { version: string; date: string }) => { text: string; notes: string }
}
const loadChangelog = async () =>
  (await import(new URL('../../scripts/changelog.mjs', import.meta.url).href)) as Changelog

describe('the changelog', () => {
  const release = { version: '1.0.0', date: '2026-12-01' }
  const before = '# Changelog\n\n## [Unreleased]\n\n### Added\n\n- a thing\n\n## [0.1.0] - 2026-11-20\n\n- first\n'

  it('makes a version of what is unreleased and leaves an empty section', async () => {
    const { releaseChangelog } = await loadChangelog()
    expect(releaseChangelog(before, release)).toEqual({
      notes: '### Added\n\n- a thing',
      text: '# Changelog\n\n## [Unreleased]\n\n## [1.0.0] - 2026-12-01\n\n### Added\n\n- a thing\n\n## [0.1.0] - 2026-11-20\n\n- first\n',
    })
  })

  it.each([
    ['without such a section', '# Changelog\n', /one line/],
    ['with nothing in it', before.replace('### Added\n\n- a thing\n', ''), /says nothing/],
    ['with the version already', before.replace('0.1.0', '1.0.0'), /already/],
  ])('%s is not released', async (_what, text, reason) => {
    const { releaseChangelog } = await loadChangelog()
    expect(() => releaseChangelog(text, release)).toThrow(reason)
  })

  it('of this repository has a place for what comes next', () => {
    expect(read('CHANGELOG.md').match(/^## \[Unreleased\]$/gm)).toHaveLength(1)
  })
})
