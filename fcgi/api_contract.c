/* What this API is, told by itself: docs/openapi.json as it was when this was built. */
#include "fcgi/app.h"
#include "fcgi/routes.h"

/* A file becomes part of a program by its assembler, which is asked the same way by gcc and
 * clang. Its name is beneath the folder that make runs in. The NUL makes a text of it. */
__asm__(".pushsection .rodata, \"a\"\n"
	".globl api_contract_text\n"
	".hidden api_contract_text\n"
	".type api_contract_text, %object\n"
	"api_contract_text:\n"
	".incbin \"docs/openapi.json\"\n"
	".byte 0\n"
	".size api_contract_text, . - api_contract_text\n"
	".popsection\n");

extern const char api_contract_text[] __attribute__((visibility("hidden")));

void api_contract(const struct app *app, const struct request *request,
		  struct response *response)
{
	(void)app;
	(void)request;
	response_text(response, 200, "application/json", mem_strdup(api_contract_text));
}
