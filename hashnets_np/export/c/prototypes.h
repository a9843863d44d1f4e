#define NAME_INPUTS N_IN
#define NAME_OUTPUTS N_OUT

/* Compute the logits of one input. */
void STEM_logits(const float x[NAME_INPUTS], float z[NAME_OUTPUTS]);

/* Find the class of one input: the number, from 0, of its largest logit. */
int STEM_class(const float x[NAME_INPUTS]);

/* Compute a few inputs and compare: 0 if all agree, else the number, from 1, of the first one that doesn't.
   Only in programs compiled with -DNAME_SELF_TEST. */
int STEM_self_test(void);
