/* The smallest program: what it takes to start it is all that it takes. */
int main(void)
{
    return 0;
}
