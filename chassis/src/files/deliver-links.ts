/** Makes the links to files in a text fetchable as it is delivered. Texts are stored without signatures. */

/** The query that signs a path, as `signedUrls(...).sign` gives it; undefined leaves a link as it is. */
export type SignPath = (path: string) => string | undefined

/** A run that is ours goes on to whitespace, a quote, a closing parenthesis or an angle bracket. */
const run = `[^\\s"'\`)<>]*`
/** Folders of the machine that models link to by their bare path. */
const folders = 'app|home|tmp|opt|data|workspace'

const pieces = new RegExp(
  [
    // An angle bracket or whitespace, where a foreign URL may end.
    String.raw`(?<edge>[<>\n]|[^\S\n]+)`,
    // The beginning of a Markdown link whose target is a path: its text, and the path.
    String.raw`\[(?<text>[^[\]\n]*)\]\((?<target>/(?:v1/(?:files|media)|${folders})/${run})`,
    // A path of ours by itself, not as a part of a longer one.
    String.raw`(?<![\p{L}\p{N}_.\-/\\%:@~])(?<own>/v1/(?:files|media)/${run})`,
    // Anything else, up to where one of the above may begin.
    String.raw`(?<other>.(?:[^\s<>[("'\x60/]|/(?!v1/))*)`,
  ].join('|'),
  'gsu',
)

/** What a link begins with, or may begin with at the end of a text. */
const linkBeginning = /\/v1\/(?:files|media)\/|\]\(\/|\/v1\/[a-z]{0,5}$|\/(?:v1?)?$|\](?:\()?$/
const wholeBeginning = /^(?:\/v1\/(?:files|media)\/|\]\(\/)/

const owned = new RegExp(`/v1/(?:files|media)/${run}`, 'g')

/** Signs of a URL that leads elsewhere, or that may once entities and escapes in it are read. */
const foreignMarks = /\/\/|[\\&@]|[\p{L}\p{N}+.-]:|[\p{L}\p{N}]\.\p{L}/u

const isToken = (part: string): boolean => /^f[tb]=[\w.-]*$/.test(part)

/** A URL without its signature and with another one, if there is one; other parameters and the fragment stay. */
const withSignature = (url: string, signature?: string): string => {
  const [, path = '', query = '', fragment = ''] = /^([^?#]*)(?:\?([^#]*))?(#.*)?$/s.exec(url) ?? []
  const parts = query.split('&').filter((part) => part !== '' && !isToken(part))
  const all = [...parts, ...(signature === undefined ? [] : [signature])].join('&')
  return path + (all === '' ? '' : `?${all}`) + fragment
}

const signUrl = (given: string, sign: SignPath): string => {
  const url = given.replace(/^(?:\/v1\/(?:files|media)(?=\/v1\/(?:files|media)\/))+/, '')
  return withSignature(url, sign(url.split(/[?#]/, 1)[0]!))
}

/**
 * The text with every `/v1/files/...` and `/v1/media/...` freshly signed: an old signature is replaced, a doubled prefix
 * collapsed, a Markdown target under a folder such as `/workspace` gets the prefix, and link texts lose signatures.
 *
 * A path inside a URL of another host, or inside what may become one, is never signed: a prompt could otherwise make a
 * model write an image of such a URL, and the browser would hand the signature over. In doubt a link stays unsigned.
 */
export const deliverLinks = (text: string, sign: SignPath): string => {
  if (!text.includes('/')) return text
  let foreign = false
  let inTag = false
  return text.replace(pieces, (...args: unknown[]) => {
    const whole = args[0] as string
    const { edge, text: label, target, own, other } = args.at(-1) as Record<string, string | undefined>
    if (edge !== undefined) {
      // Between angle brackets a URL may hold spaces, but no line break.
      inTag = edge === '<' || (inTag && edge !== '>' && edge !== '\n')
      if (!inTag || edge === '<') foreign = false
      return whole
    }
    if (other !== undefined) {
      foreign ||= foreignMarks.test(other)
      return whole
    }
    if (foreign) return whole
    if (own !== undefined) return signUrl(own, sign)
    const path = target!.startsWith('/v1/') ? target! : `/v1/files${target}`
    const shown = label!.replace(owned, (url) => withSignature(url))
    return `[${shown}](${signUrl(path, sign)}`
  })
}

/** The link to a file by its path, signed; empty for a path that climbs. Spaces and the like are encoded. */
export const deliverPath = (path: string, sign: SignPath): string => {
  const bare = path.split(/[?#]/, 1)[0]!
  if (bare === '' || bare.split(/[/\\]/).includes('..')) return ''
  const isLink = /^\/v1\/(?:files|media)\//.test(bare)
  const link = isLink ? bare : `/v1/files/${encodeURI(bare.replace(/^\/+/, ''))}`
  return withSignature(link, sign(link))
}

/**
 * `deliverLinks` of a text that comes in pieces: what is given back in all is what it gives for the whole. The rest of a
 * line is kept back from a link on, as only its end tells where that ends.
 */
export const createLinkStream = (sign: SignPath): { push: (piece: string) => string; end: () => string } => {
  let line = ''
  /** How much of the line was given back, as it is. */
  let given = 0
  /** What was not: a link, or what may become one. */
  let waiting = ''
  let isLink = false

  const give = (part: string): string => {
    line += part
    if (isLink) return ''
    const text = waiting + part
    const place = linkBeginning.exec(text)?.index ?? text.length
    waiting = text.slice(place)
    isLink = wholeBeginning.test(waiting)
    given += place
    return text.slice(0, place)
  }
  const endLine = (): string => {
    const rest = waiting === '' ? '' : deliverLinks(line, sign).slice(given)
    line = waiting = ''
    given = 0
    isLink = false
    return rest
  }

  return {
    push: (piece) =>
      piece
        .split(/(\n)/)
        .map((part) => (part === '\n' ? endLine() + part : give(part)))
        .join(''),
    end: endLine,
  }
}
