/**
 * What is left of a model's answer when it is delivered and stored: no thinking, no tool calls written as text, no
 * `<final>` tags, no notes that were meant for the model, nothing said twice in a row, no directives, nothing of a silent answer.
 *
 * An answer comes in deltas of any size and is passed on as it comes, so it is cleaned by stages that keep no more back
 * than what may turn out to be hidden. Each reads a character a bounded number of times: models repeat what strangers
 * write, and 60,000 `<think>` are one message.
 */
import {
  chained,
  createBlockFilter,
  createDirectiveFilter,
  createMediaFilter,
  createRepeatFilter,
  type Stage,
} from './finish-blocks.ts'
import { storable } from './storable.ts'

/** Elements that are hidden with all they hold, up to the end of the answer where they are not closed. */
const hiddenElements = [
  ...['think', 'thinking', 'thought', 'antthinking'],
  ...['tool_call', 'tool_calls', 'function_call', 'function_calls', 'tool_result', 'tool_results'],
]
/** Elements whose tags alone are hidden. */
const bareElements = ['final']
const elements = [...hiddenElements, ...bareElements]

const longestTagChars = '</>'.length + Math.max(...elements.map((name) => name.length)) + 4
const wholeTag = /^<(\/?)([a-z_]{1,20})\s{0,4}>/i
const tagBeginning = /^<\/?([a-z_]{0,20})(\s{0,4})$/i

/** Whether a text may be the beginning of a tag that is hidden. */
const mayBecomeTag = (text: string): boolean => {
  const [, name = '', space = ''] = tagBeginning.exec(text) ?? [undefined, '?']
  const lower = name.toLowerCase()
  return elements.some((element) => (space === '' ? element.startsWith(lower) : element === lower))
}

/** Hides elements. A tag right behind a backtick is one that is being talked about. */
const createElementFilter = (): Stage => {
  let pending = ''
  /** Name of the element that is open and hidden. */
  let open: string | undefined
  let last = ''

  const take = (isEnd: boolean): string => {
    let shown = ''
    let place = 0
    const show = (end: number) => {
      if (end === place) return
      if (open === undefined) shown += pending.slice(place, end)
      last = pending[end - 1]!
      place = end
    }
    for (;;) {
      const start = pending.indexOf('<', place)
      show(start < 0 ? pending.length : start)
      if (start < 0) break
      const ahead = pending.slice(start, start + longestTagChars)
      const [tag, slash, name = ''] = wholeTag.exec(ahead) ?? []
      if (tag === undefined) {
        if (!isEnd && ahead.length < longestTagChars && mayBecomeTag(ahead)) break
        show(start + 1)
        continue
      }
      const element = name.toLowerCase()
      const mentioned = open === undefined && last === '`'
      if (!elements.includes(element) || mentioned) {
        show(start + tag.length)
        continue
      }
      place = start + tag.length
      last = '>'
      if (open === undefined) open = slash === '' && hiddenElements.includes(element) ? element : undefined
      else if (slash !== '' && open === element) open = undefined
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

/** Makes text storable, and so fit for JSON. A pair of surrogates may come in two deltas. */
const createWellFormed = (): Stage => {
  let half = ''
  return {
    push: (delta) => {
      const text = half + delta.replaceAll('\0', '')
      half = /[\ud800-\udbff]$/.exec(text)?.[0] ?? ''
      return storable(text.slice(0, text.length - half.length))
    },
    end: () => storable(half),
  }
}

/** An agent that has nothing to say answers with this word alone. */
const silentWord = 'NO_REPLY'

/** Drops the silent answer, and whitespace at both ends. */
const createSilence = (): Stage & { isSilent: () => boolean } => {
  /** The beginning of what may be the silent answer; undefined once it is another. */
  let word: string | undefined = ''
  let space = ''
  let silent = false

  const show = (text: string): string => {
    const kept = text.trimEnd()
    if (kept === '') {
      space += text
      return ''
    }
    const shown = space + kept
    space = text.slice(kept.length)
    return shown
  }

  return {
    push: (delta) => {
      if (word === undefined) return show(delta)
      if (word === '') delta = delta.trimStart()
      const kept = delta.trimEnd()
      // Behind the whole word whitespace is kept back like at any end.
      if (kept === '' && (word === '' || word === silentWord)) {
        space += delta
        return ''
      }
      const begun = word + space + kept
      if (silentWord.startsWith(begun) && (kept.length === delta.length || begun === silentWord)) {
        word = begun
        space = delta.slice(kept.length)
        return ''
      }
      const rest = word
      word = undefined
      const before = space
      space = ''
      return show(rest + before + delta)
    },
    end: () => {
      silent = word === silentWord
      return silent ? '' : (word ?? '')
    },
    isSilent: () => silent,
  }
}

/** Shown for an answer that is empty without meaning to be silent. */
const nothingSaid = '...'

export interface AnswerText {
  /** Takes a delta of the answer; returns what can be shown now. */
  push: (delta: string) => string
  /**
   * The rest at the end of the answer. A final answer is never empty unless it is silent.
   * @param isFinal whether the run ends with this answer, instead of with what tools say
   */
  end: (isFinal: boolean) => string
  /** All that was returned so far. */
  whole: () => string
  /** The files that it named for delivery so far, as it named them. */
  media: () => string[]
}

/** Cleans one answer of a model. What it returns in all does not depend on how the answer is cut into deltas. */
export const createAnswerText = (): AnswerText => {
  const silence = createSilence()
  const media: string[] = []
  const cleaning = chained(
    createElementFilter(),
    createBlockFilter(),
    createRepeatFilter(),
    createMediaFilter((named) => void media.push(named)),
    createDirectiveFilter(),
    createWellFormed(),
    silence,
  )
  let whole = ''
  const returns = (text: string): string => {
    whole += text
    return text
  }
  return {
    push: (delta) => returns(cleaning.push(delta)),
    end: (isFinal) => {
      const rest = cleaning.end()
      return returns(isFinal && whole + rest === '' && !silence.isSilent() ? nothingSaid : rest)
    },
    whole: () => whole,
    media: () => media,
  }
}

/** A whole answer as it is delivered: "" for a silent one, "..." for an empty one. */
export const deliveredText = (answer: string): string => {
  const text = createAnswerText()
  text.push(answer)
  text.end(true)
  return text.whole()
}
