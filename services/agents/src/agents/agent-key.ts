/** Keys made of names. */
import { randomBytes } from 'node:crypto'

const maxNameChars = 255
const maxKeyChars = 64
const reserved: ReadonlySet<string> = new Set(['default', 'master', 'system'])

/** Lower-case letters and digits of a text, hyphens for the rest; accents go. Empty when nothing is left. */
const slugOf = (text: string): string =>
  text
    .slice(0, maxNameChars)
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter(Boolean)
    .join('-')
    .slice(0, maxKeyChars)
    .replace(/-$/, '')

/** A key for an agent that has a name only; `agent-` and six hex digits where nothing of it can be used. */
export const agentKeyFrom = (name: string): string => {
  const slug = slugOf(name)
  return slug === '' || reserved.has(slug) ? `agent-${randomBytes(3).toString('hex')}` : slug
}
