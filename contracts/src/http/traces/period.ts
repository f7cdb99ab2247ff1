import { lenient, timestamp } from '../common.ts'

/** A time range in a query; times that cannot be read filter nothing. */
export const period = {
  from: lenient(timestamp).describe('Not before this time'),
  to: lenient(timestamp).describe('Before this time'),
}
