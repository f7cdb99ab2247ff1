/** What is left of a model's answer when it is delivered. */

const thinking = /<(think|thinking|thought|antThinking)>[\s\S]*?<\/\1>/g
const finalTags = /<\/?final>/g
/** An agent that has nothing to say answers with this word alone. */
const silent = 'NO_REPLY'

/** The text for the reader: no thinking, no tags; "" for a silent answer, "..." for an empty one. */
export const deliveredText = (answer: string): string => {
  const text = answer
    .replace(thinking, '')
    .replace(finalTags, '')
    .replace(/^\s*\n/, '')
    .trim()
  if (text === silent) return ''
  return text === '' ? '...' : text
}
