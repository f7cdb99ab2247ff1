/** The settings of a bucket, as every service has them that keeps something in it. */
import { flag, text, type Setting } from '../config/define.ts'
import { openBucket, type Bucket } from './bucket.ts'
import { longestPrefix } from './keys.ts'

/** @param about what the service keeps in it */
export const bucketSettings = (about: string) =>
  ({
    s3Bucket: {
      env: ['CLAWMESH_S3_BUCKET'],
      schema: text(''),
      about,
    },
    s3Endpoint: {
      env: ['CLAWMESH_S3_ENDPOINT'],
      schema: text('').refine((url) => url === '' || /^https?:\/\//.test(url), 'an HTTP URL'),
      about: 'URL of the server of the bucket, which speaks S3; empty is that of Amazon in the region',
    },
    s3Region: {
      env: ['CLAWMESH_S3_REGION', 'AWS_REGION'],
      schema: text('us-east-1'),
      about: 'Region of the bucket',
    },
    s3AccessKeyId: {
      env: ['CLAWMESH_S3_ACCESS_KEY_ID', 'AWS_ACCESS_KEY_ID'],
      schema: text(''),
      about: 'Access key for the bucket',
    },
    s3SecretAccessKey: {
      env: ['CLAWMESH_S3_SECRET_ACCESS_KEY', 'AWS_SECRET_ACCESS_KEY'],
      schema: text(''),
      about: 'The secret of that key',
      secret: true,
    },
    s3SessionToken: {
      env: ['CLAWMESH_S3_SESSION_TOKEN', 'AWS_SESSION_TOKEN'],
      schema: text(''),
      about: 'Token of a temporary key',
      secret: true,
    },
    s3PathStyle: {
      env: ['CLAWMESH_S3_PATH_STYLE'],
      schema: flag(true),
      about: 'Name the bucket in the path of an address, as most servers want it, not in its host name',
    },
    s3Prefix: {
      env: ['CLAWMESH_S3_PREFIX'],
      schema: text('').refine(
        (prefix) => prefix === '' || (prefix.endsWith('/') && Buffer.byteLength(prefix) <= longestPrefix),
        `it ends in a slash and has at most ${longestPrefix} bytes`,
      ),
      about: 'What the keys of all objects begin with, such as `clawmesh/`',
    },
  }) as const satisfies Record<string, Setting>

export interface BucketConfig {
  s3Bucket: string
  s3Endpoint: string
  s3Region: string
  s3AccessKeyId: string
  s3SecretAccessKey: string
  s3SessionToken: string
  s3PathStyle: boolean
  s3Prefix: string
}

/**
 * The bucket that is configured; undefined where none is.
 * @param answerMs how long its server may take to answer, a minute unless said
 */
export const configuredBucket = (config: BucketConfig, answerMs?: number): Bucket | undefined =>
  config.s3Bucket === ''
    ? undefined
    : openBucket({
        name: config.s3Bucket,
        endpoint: config.s3Endpoint || `https://s3.${config.s3Region}.amazonaws.com`,
        region: config.s3Region,
        accessKeyId: config.s3AccessKeyId,
        secretAccessKey: config.s3SecretAccessKey,
        sessionToken: config.s3SessionToken,
        pathStyle: config.s3PathStyle,
        prefix: config.s3Prefix,
        ...(answerMs === undefined ? {} : { answerMs }),
      })
