/** The part of a conversation that a run reads: from the newest message back, no more than may fit. */
import type { Message } from '../sessions/types.ts'

/** Messages that are read of a session at most: a turn costs the same however long the conversation is. */
const mostMessages = 1_000
/** Most windows are filled by the first page. */
const firstPage = 100

/** From so many messages on a conversation is summarised however short they are, so that none falls out unread. */
export const longWindowMessages = 800

interface PageAsk {
  /** Numbers of messages: not below, and below. */
  from: number
  before: number
  limit: number
  /** Characters; messages are read until they reach it. */
  chars: number
}

/** A page of messages, the newest that were asked for, oldest first. */
export type HistoryPage = (ask: PageAsk) => Promise<{ messages: Message[]; firstSeq: number; chars: number }>

export interface HistoryWindow {
  /** Oldest first. */
  messages: Message[]
  /** Whether nothing before them is left out. */
  isWhole: boolean
}

/** @param chars what may fit */
export const readHistory = async (
  page: HistoryPage,
  { from, before, chars }: Omit<PageAsk, 'limit'>,
): Promise<HistoryWindow> => {
  let messages: Message[] = []
  let next = before
  let space = chars
  for (
    let limit = firstPage;
    next > from && space > 0 && messages.length < mostMessages;
    limit = mostMessages - firstPage
  ) {
    const read = await page({ from, before: next, limit, chars: space })
    if (read.messages.length === 0) break
    messages = [...read.messages, ...messages]
    next = read.firstSeq
    space -= read.chars
  }
  return { messages, isWhole: next <= from }
}
