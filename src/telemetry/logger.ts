import { type DestinationStream, type Logger, pino } from 'pino';
import { redactFields } from './redact-fields.ts';

export type { Logger } from 'pino';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

export interface LoggerOptions {
  level: LogLevel;
  /** Where the lines go; standard output when absent. */
  destination?: DestinationStream;
}

/** A logger of one JSON object per line, with a level in words, a time in ISO 8601, and secrets replaced. */
export function createLogger(options: LoggerOptions): Logger {
  const settings = {
    level: options.level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    messageKey: 'message',
    formatters: {
      level: (label: string) => ({ level: label }),
      log: (fields: object) => redactFields(fields),
    },
  };
  return options.destination === undefined ? pino(settings) : pino(settings, options.destination);
}
