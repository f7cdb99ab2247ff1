/** Jobs as data: what background work a feature has, what each needs to know and how often it is tried. */
import type { z } from 'zod'
import type { Call } from '../call.ts'

export interface JobDefinition<T extends z.ZodType = z.ZodType> {
  /** What it does, for people. */
  readonly about: string
  /** What it needs to know. No secrets and no texts of users: operators see it. */
  readonly data: T
  /** Attempts, the first included, after which it is dead. */
  readonly attempts: number
  /** An attempt that takes longer is aborted and has failed, milliseconds. */
  readonly timeoutMs: number
}

export type JobTable = Readonly<Record<string, JobDefinition>>

export type JobName<T extends JobTable> = keyof T & string
export type JobData<T extends JobTable, N extends JobName<T>> = z.output<T[N]['data']>

/** A job at work. */
export interface JobAttempt<D> {
  readonly tenantId: string
  readonly data: D
  /** A call in the name of the service, whose signal fires when the time is up or the process leaves. */
  readonly call: Call
  /** From 1 on. */
  readonly attempt: number
  /** Whether the job is dead when this attempt fails. */
  readonly isLast: boolean
}

/** What a handler asks for that has to come back later though nothing failed on this side: no attempt is counted. */
export interface JobAgain {
  readonly afterMs: number
  /** Why, for operators. */
  readonly reason: string
}

/**
 * What is done for each job. Idempotent, since a job whose process dies is begun again; what it throws is a failed
 * attempt.
 */
export type JobHandlers<T extends JobTable> = {
  readonly [N in JobName<T>]: (attempt: JobAttempt<JobData<T, N>>) => Promise<JobAgain | void>
}

/** Declares the jobs of a feature. */
export const defineJobs = <T extends JobTable>(table: T): T => table
