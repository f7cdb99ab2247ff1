/** What a model writes into its answer that is not for its reader: notes it was given, calls it talks about, directives. */
import { summaryHeading } from './summary-messages.ts'

/** Takes deltas and returns what of them can be shown by now. */
export interface Stage {
  push: (delta: string) => string
  /** What was kept back and is shown after all. */
  end: () => string
}

/** Stages one after the other. */
export const chained = (...stages: readonly Stage[]): Stage => ({
  push: (delta) => stages.reduce((text, stage) => stage.push(text), delta),
  end: () => stages.reduce((text, stage) => stage.push(text) + stage.end(), ''),
})

/** A paragraph that begins like one of these was meant for the model, or for nobody. */
const hiddenBlocks = [
  summaryHeading,
  '[System Message]',
  '[System note',
  '[Tool Call:',
  '[Tool Result',
  '[Historical context',
]
/** A line that begins so names a file to deliver. */
export const mediaLine = 'MEDIA:'
const fence = '```'

interface LineFilter {
  /** What a line begins with that is hidden with its whole paragraph. */
  blocks: readonly string[]
  /** What a line begins with that is hidden alone. */
  lines: readonly string[]
  /** Is told the hidden lines of `lines`, as far as they are looked at. */
  hidden: (line: string) => void
}

/** Of a hidden line no more is looked at. */
const longestHidden = 2_000

/** Hides lines by what they begin with; not inside code. */
const createLineFilter = ({ blocks, lines, hidden }: LineFilter): Stage => {
  /** The beginning of a line that is not decided yet. */
  let begin = ''
  let mode: 'begin' | 'show' | 'hide' = 'begin'
  let isInBlock = false
  let isInCode = false
  /** The line of `lines` that is being hidden. */
  let taken: string | undefined
  const special = [...blocks, ...lines, fence]
  /** What no other line begins with: most lines are decided by one look. */
  const firstCharacters = new Set(special.map((beginning) => beginning[0]))

  /** Decides about a line by its beginning; undefined while more of it is needed. */
  const decide = (isWhole: boolean): 'show' | 'hide' | undefined => {
    if (isInBlock) {
      // An empty line ends a hidden block, and goes with it.
      if (begin === '' && isWhole) isInBlock = false
      return 'hide'
    }
    if (begin.startsWith(fence)) {
      isInCode = !isInCode
      return 'show'
    }
    if (!isInCode && blocks.some((block) => begin.startsWith(block))) {
      isInBlock = true
      return 'hide'
    }
    if (!isInCode && lines.some((line) => begin.startsWith(line))) {
      taken = ''
      return 'hide'
    }
    const possible = isInCode ? [fence] : special
    return isWhole || !possible.some((beginning) => beginning.startsWith(begin)) ? 'show' : undefined
  }
  const take = (part: string) => {
    if (taken !== undefined) taken = (taken + part).slice(0, longestHidden)
  }
  const giveTaken = () => {
    if (taken !== undefined) hidden(taken)
    taken = undefined
  }

  /** What of the beginning of the line can be shown by now. */
  const settle = (isWhole: boolean): string => {
    const decided = decide(isWhole)
    if (decided === undefined) return ''
    mode = decided
    const shown = decided === 'show' ? begin : ''
    take(begin)
    begin = ''
    return shown
  }

  const takePart = (part: string): string => {
    if (mode === 'begin' && begin === '' && !isInBlock && !firstCharacters.has(part[0])) mode = 'show'
    if (mode === 'show') return part
    if (mode === 'begin') {
      begin += part
      return settle(false)
    }
    take(part)
    return ''
  }
  const endLine = (): string => {
    const rest = mode === 'begin' ? settle(true) : ''
    const shown = mode === 'show' ? `${rest}\n` : rest
    giveTaken()
    mode = 'begin'
    return shown
  }

  return {
    push: (delta) => {
      let shown = ''
      for (let at = 0; at < delta.length;) {
        const newline = delta.indexOf('\n', at)
        const end = newline < 0 ? delta.length : newline
        if (end > at) shown += takePart(delta.slice(at, end))
        if (newline >= 0) shown += endLine()
        at = end + 1
      }
      return shown
    },
    end: () => {
      const shown = mode === 'begin' && begin !== '' ? settle(true) : ''
      giveTaken()
      return shown
    },
  }
}

/** Hides paragraphs that repeat what the model was told, and calls written as text. */
export const createBlockFilter = (): Stage =>
  createLineFilter({ blocks: hiddenBlocks, lines: [], hidden: () => undefined })

/** Hides lines that name media. @param found is told what they name */
export const createMediaFilter = (found: (named: string) => void): Stage =>
  createLineFilter({
    blocks: [],
    lines: [mediaLine],
    hidden: (line) => found(line.slice(mediaLine.length)),
  })

/** Shorter paragraphs may well stand twice. */
const leastRepeated = 20

/** Drops a paragraph that says again what the one before it says; not inside code. */
export const createRepeatFilter = (): Stage => {
  let previous = ''
  let current = ''
  /** What of the current paragraph is kept back, as it may be the previous one again, and what stood before it. */
  let held = ''
  let gapBefore = ''
  let isMatching = false
  let gap = ''
  let isInCode = false

  const feed = (text: string): string => {
    current += text
    if (!isMatching) return text
    if (previous.startsWith(text, held.length)) {
      held += text
      return ''
    }
    isMatching = false
    const shown = gapBefore + held + text
    held = gapBefore = ''
    return shown
  }

  const endParagraph = (): string => {
    const isRepeated = isMatching && held === previous
    const shown = isRepeated ? '' : gapBefore + held
    if (!isRepeated) previous = current
    if (current.includes(fence) && (current.match(/^```/gm)?.length ?? 0) % 2 === 1) isInCode = !isInCode
    held = gapBefore = current = ''
    isMatching = false
    return shown
  }

  return {
    push: (delta) => {
      let shown = ''
      for (let at = 0; at < delta.length;) {
        if (delta[at] === '\n') {
          gap += '\n'
          at += 1
          continue
        }
        const newline = delta.indexOf('\n', at)
        const part = delta.slice(at, newline < 0 ? delta.length : newline)
        at += part.length
        if (gap.length > 1) {
          shown += endParagraph()
          isMatching = !isInCode && previous.length >= leastRepeated
          if (isMatching) gapBefore = gap
          else shown += gap
        } else if (gap !== '') shown += feed(gap)
        gap = ''
        shown += feed(part)
      }
      return shown
    },
    end: () => {
      const shown = endParagraph() + gap
      gap = ''
      return shown
    },
  }
}

const directive = /^\[\[([a-z]\w{0,40})(?::[^[\]\n]{0,100})?\]\]/
const directiveBeginning = /^\[(?:\[(?:[a-z]\w{0,40}(?::[^[\]\n]{0,100})?\]?)?)?$/
const longestDirective = 150

/** Takes out `[[reply_to_current]]` and the like; what speech needs stays. One right behind a backtick is being talked about. */
export const createDirectiveFilter = (): Stage => {
  let pending = ''
  let last = ''

  const take = (isEnd: boolean): string => {
    let shown = ''
    let place = 0
    const show = (end: number) => {
      if (end === place) return
      shown += pending.slice(place, end)
      last = pending[end - 1]!
      place = end
    }
    for (;;) {
      const start = pending.indexOf('[', place)
      show(start < 0 ? pending.length : start)
      if (start < 0) break
      const ahead = pending.slice(start, start + longestDirective)
      const [whole, name = ''] = directive.exec(ahead) ?? []
      if (whole === undefined) {
        if (!isEnd && directiveBeginning.test(ahead)) break
        show(start + 1)
      } else if (last === '`' || name.startsWith('tts')) show(start + whole.length)
      else {
        place = start + whole.length
        last = ']'
      }
    }
    pending = pending.slice(place)
    return shown
  }

  return {
    push: (delta) => {
      pending += delta
      return take(false)
    },
    end: () => take(true),
  }
}
