/** What IDENTITY.md says of an agent, in lines such as `- **Name:** Ada`. */

const fields = ['name', 'emoji', 'avatar', 'description'] as const
type Field = (typeof fields)[number]

const lineChars = 500
const line = /^[ \t]{0,8}(?:[-*] )?(?:\*\*)?(name|emoji|avatar|description)(?:\*\*)?:(?:\*\*)?(.*)$/i

/** The fields that have a value; of a field that is there twice the first. */
export const identityOf = (content: string): Partial<Record<Field, string>> => {
  const identity: Partial<Record<Field, string>> = {}
  for (const text of content.split('\n')) {
    const [, key = '', value = ''] = line.exec(text.slice(0, lineChars)) ?? []
    const field = fields.find((each) => each === key.toLowerCase())
    if (field !== undefined && value.trim() !== '') identity[field] ??= value.trim()
  }
  return identity
}

/** The same text with one value of a field, in its first line, or in a new one at the end. */
export const withIdentityLine = (content: string, label: string, value: string): string => {
  const said = `- **${label}:** ${value.split(/\s+/).filter(Boolean).join(' ')}`
  const lines = content.split('\n')
  const at = lines.findIndex((text) => line.exec(text.slice(0, lineChars))?.[1]?.toLowerCase() === label.toLowerCase())
  if (at < 0) return `${content.trimEnd()}\n${said}\n`
  return lines.with(at, said).join('\n')
}
