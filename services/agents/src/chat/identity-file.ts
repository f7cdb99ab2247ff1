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
