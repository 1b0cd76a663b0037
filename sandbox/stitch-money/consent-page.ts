import { html, page } from '../common/html.js';
import type { Markup } from '../common/html.js';
import type { AuthorizationRequest } from './authorization-request.js';

/** Banks to choose from: the short name that goes into `sub`, and what a person reads. */
export const BANKS: Readonly<Record<string, string>> = {
  fnb: 'First National Bank',
  absa: 'Absa',
  capitec: 'Capitec',
  nedbank: 'Nedbank',
  standardbank: 'Standard Bank',
};

/** Who signs in at the bank when no one says otherwise. */
export const DEFAULT_CUSTOMER = 'demo-customer';

const MEANINGS: Readonly<Record<string, string>> = {
  openid: 'Confirm who you are. Always needed.',
  accounts: 'See your accounts and their names.',
  balances: 'See how much is in them.',
  transactions: 'See what was paid in and out.',
  accountholders: 'See the account holder’s details.',
  offline_access: 'Stay connected when you are not here. Without it, access ends in 15 minutes.',
};

/**
 * The consent page. Its form fields, for scripts: `request` (hidden), `bank` (a key of BANKS),
 * `customer` (a name; the same one at the same bank is the same person), `scope` (once for each
 * scope that stays ticked; `openid` counts as ticked), `decision` (`grant` or `cancel`).
 */
export function consentPage(
  appName: string,
  requestId: string,
  request: AuthorizationRequest,
): Markup {
  const banks = Object.entries(BANKS).map(
    ([key, name]) => html`<option value="${key}">${name}</option>`,
  );
  const scopes = request.scope.map(scopeRow);
  const body = html`<h1>${appName} asks to see your bank accounts</h1>
    <p>You choose what it may see. You can take it back at any time.</p>
    <form method="post" action="/connect/authorize">
      <input type="hidden" name="request" value="${requestId}" />
      <fieldset>
        <legend>Your bank</legend>
        <label
          >Bank
          <select name="bank">
            ${banks}
          </select>
        </label>
        <label
          >Sign in as
          <input
            type="text"
            name="customer"
            value="${DEFAULT_CUSTOMER}"
            required
            maxlength="100"
            autocomplete="off"
          />
          <small>Any name will do: the same name at the same bank is the same person.</small>
        </label>
      </fieldset>
      <fieldset>
        <legend>What ${appName} may do</legend>
        ${scopes}
      </fieldset>
      <div class="actions">
        <button class="primary" name="decision" value="grant">Grant access</button>
        <button name="decision" value="cancel" formnovalidate>Cancel</button>
      </div>
    </form>`;
  return page(`${appName} asks to see your bank accounts`, body);
}

function scopeRow(scope: string): Markup {
  const meaning = MEANINGS[scope] ?? 'Asked for by the app.';
  // A disabled box is not sent by browsers: the server counts `openid` as ticked in any case.
  return scope === 'openid'
    ? html`<label class="check"
        ><input type="checkbox" checked disabled /><span>${scope}</span
        ><small>${meaning}</small></label
      >`
    : html`<label class="check"
        ><input type="checkbox" name="scope" value="${scope}" checked /><span>${scope}</span
        ><small>${meaning}</small></label
      >`;
}
