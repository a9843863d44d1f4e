void STEM_logits(const float x[NAME_INPUTS], float z[NAME_OUTPUTS])
{
STATEMENTS
}

int STEM_class(const float x[NAME_INPUTS])
{
    float z[NAME_OUTPUTS];
    int best = 0;
    STEM_logits(x, z);
    for (int i = 1; i < NAME_OUTPUTS; i++)
        if (z[i] > z[best])
            best = i;
    return best;
}
