/** CHANGELOG.md as text: what is unreleased becomes a version. The form is that of https://keepachangelog.com. */

const unreleased = '## [Unreleased]'

/**
 * The changelog with what is unreleased under a version, and an empty section for what comes next.
 *
 * @param {string} text
 * @param {{ version: string, date: string }} release date as `2026-11-27`
 * @returns {{ text: string, notes: string }} the new text, and what the version brings
 */
export function releaseChangelog(text, { version, date }) {
  const [before, rest, ...more] = text.split(`\n${unreleased}\n`)
  if (before === undefined || rest === undefined || more.length > 0)
    throw new Error(`CHANGELOG.md must have one line "${unreleased}"`)
  if (text.includes(`\n## [${version}]`)) throw new Error(`CHANGELOG.md has ${version} already`)
  const end = rest.indexOf('\n## [')
  const notes = (end < 0 ? rest : rest.slice(0, end)).trim()
  if (notes === '') throw new Error('CHANGELOG.md says nothing under [Unreleased]')
  return { text: `${before}\n${unreleased}\n\n## [${version}] - ${date}\n${rest}`, notes }
}
