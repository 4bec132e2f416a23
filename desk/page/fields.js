/** Fields in which people type: what somebody has in hand is not shown anew before it is entered. */

let inHand; // the field that somebody has typed into, or whose handle they move, since it was entered last

addEventListener("input", ({ target }) => { inHand = target; }, true);
for (const end of ["change", "focusout"]) addEventListener(end, () => { inHand = undefined; }, true); // before all who hear of it

/** Show a value in a field, unless somebody has it in hand. */
export function showField(field, value) {
  if (field !== inHand) field.value = value;
}
