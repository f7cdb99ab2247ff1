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

const stopped: ReadonlySet<string> = new Set([...english, ...vietnamese])
/** Typed without accents, a word counts only where none of another language is spelled like it. */
const stoppedFolded: ReadonlySet<string> = new Set([...english, ...words('duoc khong nhung cua voi khi nao gi dau')])

/** Whether a word, as it was written in lower case, says nothing of what is looked for. */
export const isStopWord = (word: string): boolean =>
  stopped.has(word) || (fold(word) === word && stoppedFolded.has(word))

const chinesePattern = new RegExp(chinese.join('|'), 'gu')

/** The pieces of a Chinese question between its stop words. */
export const withoutChineseStopWords = (run: string): string[] =>
  run.split(chinesePattern).filter((piece) => piece !== '')
