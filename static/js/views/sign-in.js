// @ts-check
// The door: who is not signed in sees this in the place of every view, and comes back to where they wanted to go.
/** @import { Api } from "../core/api.js" */
/** @import { Session } from "../core/types.js" */
import { ApiError } from "../core/api.js";
import { fill, h } from "../core/dom.js";
import { t } from "../core/words.js";
import { field } from "../ui/field.js";
import { styles } from "../ui/styles.js";

export const title = t("Sign in");

await styles("settings");

/** @param {HTMLElement} root @param {{ api: Api, session: Session|null, entered: () => void }} parts */
export function signIn(root, { api, session, entered }) {
  if (session?.auth === "proxy") {
    fill(
      root,
      h(
        "section",
        { class: "card settings-box" },
        h("h2", {}, title),
        h("p", {}, t("The web server did not say who you are. Sign in there, and load this page again.")),
      ),
    );
    return;
  }
  const password = field(
    h("input", {
      type: "password",
      name: "password",
      autocomplete: "current-password",
      required: true,
      maxLength: 1024,
      data: { testid: "password" },
    }),
    t("Password"),
  );
  const button = h(
    "button",
    { type: "submit", class: "button button-primary", data: { testid: "sign-in" } },
    t("Sign in"),
  );
  const form = h(
    "form",
    {
      class: "card settings-box sign-in",
      ariaLabel: title,
      on: {
        submit: async (/** @type {Event} */ event) => {
          event.preventDefault();
          button.disabled = true;
          try {
            await api.signIn(password.control.value);
            entered();
          } catch (error) {
            if (!(error instanceof ApiError)) throw error;
            password.setProblem(error);
            password.control.select();
          } finally {
            button.disabled = false;
          }
        },
      },
    },
    h("h2", {}, title),
    // For password managers, which want to know whose it is.
    h("input", { type: "text", name: "username", autocomplete: "username", value: "admin", hidden: true }),
    password.node,
    h("p", { class: "trash-tools" }, button),
  );
  fill(root, form);
  password.control.focus();
}
