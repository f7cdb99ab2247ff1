/** Asks all processes that listen one question, and collects what they answer within a moment. */
import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { Bus } from './bus.ts'

const question = z.object({ id: z.uuid(), asked: z.unknown() })

interface Parts<Q, A> {
  bus: Pick<Bus, 'signal' | 'subscribe'>
  /** Of the question: a token of a subject. */
  name: string
  questionSchema: z.ZodType<Q>
  answerSchema: z.ZodType<A>
  waitMs: number
}

interface Gathering<Q, A> {
  /** Answers questions from now on. Gives the function that ends it. */
  answerWith: (answer: (question: Q) => A) => () => void
  /** What has come once `expected` have answered, or the time is over: who is away is not waited for any longer. */
  ask: (question: Q, expected?: number) => Promise<A[]>
}

/** A question to whoever listens on the bus, this process included. An answer that is none is left out. */
export const createGathering = <Q, A>({
  bus,
  name,
  questionSchema,
  answerSchema,
  waitMs,
}: Parts<Q, A>): Gathering<Q, A> => {
  const asking = `mesh.ask.${name}`
  const answering = (id: string) => `mesh.answer.${name}.${id}`
  return {
    answerWith: (answer) =>
      bus.subscribe(asking, (message) => {
        const { id, asked } = question.parse(message)
        bus.signal(answering(id), answer(questionSchema.parse(asked)))
      }),
    ask: (asked, expected = Infinity) =>
      new Promise((resolve) => {
        const id = randomUUID()
        const answers: A[] = []
        const finish = () => {
          clearTimeout(timer)
          stop()
          resolve(answers)
        }
        const timer = setTimeout(finish, waitMs)
        const stop = bus.subscribe(answering(id), (message) => {
          const answer = answerSchema.safeParse(message)
          if (answer.success) answers.push(answer.data)
          if (answers.length >= expected) finish()
        })
        bus.signal(asking, { id, asked } satisfies z.input<typeof question>)
      }),
  }
}
