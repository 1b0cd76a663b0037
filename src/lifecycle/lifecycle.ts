import { Injectable } from '@nestjs/common';

/** Where the process stands between start and stop. */
@Injectable()
export class Lifecycle {
  /** Both listeners accept requests, and go on doing so. */
  listening = false;
  /** The keyring was found to hold every key that the database needs. */
  keyringChecked = false;
}
