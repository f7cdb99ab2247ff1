/** Words that a question has and its answer has not: they are no part of what is looked for. */
import { fold } from './fold.ts'

const words = (text: string): string[] => text.trim().split(/\s+/)

const english = words(`
  a about after all also am an and any are as at be because been before being but by can could did do does doing done for
  from get gets got had has have having he her here hers him his how i if in into is it its just let like me mine my near
  now of on only or our ours please she should so some such tell than that the their them then there these they this those
  to too us was we were what whats when where which while who whom whose why will with would you your yours
`)
/** Syllables that ask or bind; those that are words of their own elsewhere are left out. */
const vietnamese = words(`
  bị bởi các cái có cho chưa của cùng cũng đã đang đâu đây để đều đó được gì hãy hay hoặc khi không là lúc mà mình một nào này
  nên nếu nhé những như ở ra rất rồi sao sẽ tại thì theo thế tôi trong và vào vẫn về vì với bao giờ ai bạn ạ à
`)
/** Cut out of Chinese wherever they stand, the longest first. */
const chinese = words(`
  为什么 什么时候 怎么样 怎么 什么 哪里 哪个 哪些 多少 是否 有没有 能不能 可以 我们 你们 他们 请问 关于 如何 谁 哪 吗 呢 吧 的 了 是 在 有 和 与 我 你 他 她 它
`)
/**
 * Cut out of Japanese: what asks, the endings of politeness, and the one particle that no word has. Other particles are a
 * character that words have as well.
 */
const japanese = words(`
  でしょうか ましたか ませんか でしたか ですか ますか ください ました ません でした です ます について として
  どうやって どのように どれくらい どのくらい どうして どんな どこ どれ どの どう いつまで いつから いつ なぜ だれ なに なん 誰 何
  では には とは からは までに を
`)

const stopped: ReadonlySet<string> = new Set([...english, ...vietnamese])
/** Typed without accents, a word counts only where none of another language is spelled like it. */
const stoppedFolded: ReadonlySet<string> = new Set([...english, ...words('duoc khong nhung cua voi khi nao gi dau')])

/** Whether a word, as it was written in lower case, says nothing of what is looked for. */
export const isStopWord = (word: string): boolean =>
  stopped.has(word) || (fold(word) === word && stoppedFolded.has(word))

/** The longest first, as one may begin another. */
const anyOf = (list: readonly string[]): RegExp =>
  new RegExp(list.toSorted((a, b) => b.length - a.length).join('|'), 'gu')
const chinesePattern = anyOf(chinese)
const japanesePattern = anyOf(japanese)
const kana = /[\p{sc=Hiragana}\p{sc=Katakana}]/u

/** The pieces of a question in a script without spaces, between its stop words. Where there is kana, it is Japanese. */
export const withoutStopWordsInside = (run: string): string[] =>
  run.split(kana.test(run) ? japanesePattern : chinesePattern).filter((piece) => piece !== '')
